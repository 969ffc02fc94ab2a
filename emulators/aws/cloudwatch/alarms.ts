/** An alarm, as CloudWatch describes it: as far as it is asked about. */
export interface MetricAlarm {
  AlarmName: string;
  AlarmDescription?: string;
  ActionsEnabled: boolean;
  AlarmActions: string[];
  StateValue: 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';
  Dimensions: { Name: string; Value: string }[];
}

/** The most alarms of a page. */
const PAGE = 100;

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html, without filters. */
export const alarmActions = (alarms: () => readonly MetricAlarm[]) => ({
  DescribeAlarms: ({ NextToken, MaxRecords = 50 }: Record<string, unknown>) => {
    const start = Number(NextToken ?? 0);
    const end = start + Math.min(Number(MaxRecords), PAGE);
    return {
      MetricAlarms: alarms().slice(start, end),
      CompositeAlarms: [],
      ...(end < alarms().length && { NextToken: String(end) }),
    };
  },
});
