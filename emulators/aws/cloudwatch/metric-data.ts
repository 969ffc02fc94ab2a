import { JsonError } from '../ssm/ssm.ts';
import type { CloudWatch } from './cloud-watch.ts';

interface Query {
  Id: string;
  MetricStat?: {
    Metric: { Namespace: string; MetricName: string; Dimensions?: { Name: string; Value: string }[] };
    Period: number;
    Stat: string;
  };
}

/** How many data points a query may look through at most. */
const POINTS = 100_800;

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html, for metrics alone. Times are seconds. */
export const metricDataActions = (metrics: CloudWatch) => ({
  GetMetricData: ({
    MetricDataQueries,
    StartTime,
    EndTime,
    ScanBy = 'TimestampDescending',
  }: Record<string, unknown>) => {
    const queries = (MetricDataQueries ?? []) as Query[];
    const [start, end] = [Number(StartTime), Number(EndTime)];
    if (queries.length === 0) throw invalid('The parameter MetricDataQueries is required.');
    if (!(start < end)) throw invalid('The parameter StartTime must be less than the parameter EndTime.');
    return {
      Messages: [],
      MetricDataResults: queries.map(({ Id, MetricStat }) => {
        if (!MetricStat || !/^[a-z]\w*$/.test(Id))
          throw invalid('The emulator takes metrics alone, with ids as AWS wants them.');
        const { Metric, Period: periodSeconds, Stat: statistic } = MetricStat;
        if (periodSeconds % 60 !== 0 || (end - start) / periodSeconds > POINTS)
          throw invalid('The period is not valid.');
        const dimensions = Object.fromEntries((Metric.Dimensions ?? []).map(({ Name, Value }) => [Name, Value]));
        const metric = { namespace: Metric.Namespace, name: Metric.MetricName, dimensions };
        const first = Math.floor(start / periodSeconds);
        const points = Array.from({ length: Math.ceil(end / periodSeconds) - first }, (_, index) => {
          const at = (first + index) * periodSeconds;
          return { at, value: metrics.statistic({ metric, statistic, periodSeconds }, at * 1000) };
        }).filter(({ value }) => value !== undefined);
        const ordered = ScanBy === 'TimestampAscending' ? points : points.toReversed();
        return {
          Id,
          Label: Metric.MetricName,
          StatusCode: 'Complete',
          Timestamps: ordered.map(({ at }) => at),
          Values: ordered.map(({ value }) => value),
        };
      }),
    };
  },
});

const invalid = (message: string) => new JsonError('ValidationError', message);
