/** What an alarm can be in. */
export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/** Names one metric: all of its dimensions, or it is another one. */
export interface MetricId {
  namespace: string;
  name: string;
  dimensions: Record<string, string>;
}

/** An alarm on one metric. */
export interface Alarm {
  metric: MetricId;
  /** Only data of this unit count, where one is given. */
  unit?: string;
  /** `Sum`, `Maximum`, …, or a percentile such as `p90`. */
  statistic: string;
  periodSeconds: number;
  /** N of CloudWatch's "M out of N". */
  evaluationPeriods: number;
  /** M. */
  datapointsToAlarm: number;
  breaches: (value: number) => boolean;
  treatMissingData: 'missing' | 'ignore' | 'breaching' | 'notBreaching';
}

/** The properties of an `AWS::CloudWatch::Alarm`, as far as they decide about its state. */
export interface AlarmProperties {
  Namespace?: string;
  MetricName?: string;
  Dimensions?: { Name: string; Value: unknown }[];
  Unit?: string;
  Statistic?: string;
  ExtendedStatistic?: string;
  Period?: number;
  EvaluationPeriods: number;
  DatapointsToAlarm?: number;
  Threshold?: number;
  ComparisonOperator: string;
  TreatMissingData?: string;
}

const COMPARISONS: Record<string, (value: number, threshold: number) => boolean> = {
  GreaterThanOrEqualToThreshold: (value, threshold) => value >= threshold,
  GreaterThanThreshold: (value, threshold) => value > threshold,
  LessThanThreshold: (value, threshold) => value < threshold,
  LessThanOrEqualToThreshold: (value, threshold) => value <= threshold,
};

const TREATMENTS = ['missing', 'ignore', 'breaching', 'notBreaching'] as const;

/**
 * Reads an alarm of a template.
 * @param resolve what CloudFormation would put in place of an intrinsic function, such as `{ Ref: … }`
 * @throws Error if CloudWatch would not take it, or if it is of a kind that is not known here, such as metric math
 */
export function readAlarm(properties: AlarmProperties, resolve: (intrinsic: unknown) => string): Alarm {
  const { Namespace: namespace, MetricName: name, Period: periodSeconds, Threshold: threshold } = properties;
  const statistic = properties.Statistic ?? properties.ExtendedStatistic;
  if (namespace === undefined || name === undefined || statistic === undefined || periodSeconds === undefined)
    throw new Error('an alarm on anything but one metric is not known here');
  const { EvaluationPeriods: evaluationPeriods, DatapointsToAlarm: datapointsToAlarm = evaluationPeriods } = properties;
  if (periodSeconds % 60 !== 0) throw new Error(`a period of ${periodSeconds} s is not known here`);
  if (datapointsToAlarm > evaluationPeriods) throw new Error('DatapointsToAlarm is more than EvaluationPeriods');
  if (evaluationPeriods * periodSeconds > 86_400) throw new Error('an alarm looks back for a day at most');

  const compare = COMPARISONS[properties.ComparisonOperator];
  const treatMissingData = TREATMENTS.find((each) => each === (properties.TreatMissingData ?? 'missing'));
  if (!compare || threshold === undefined)
    throw new Error(`${properties.ComparisonOperator} ${threshold} is no condition`);
  if (!treatMissingData) throw new Error(`TreatMissingData cannot be ${properties.TreatMissingData}`);
  const dimensions = (properties.Dimensions ?? []).map(({ Name, Value }) => [
    Name,
    typeof Value === 'string' ? Value : resolve(Value),
  ]);
  return {
    metric: { namespace, name, dimensions: Object.fromEntries(dimensions) },
    ...(properties.Unit !== undefined && { unit: properties.Unit }),
    statistic,
    periodSeconds,
    evaluationPeriods,
    datapointsToAlarm,
    breaches: (value) => compare(value, threshold),
    treatMissingData,
  };
}

/**
 * How many periods an alarm looks back: more than it needs, in case data are missing. AWS gives the number for one case
 * only, 5 where 3 are needed, and says that it differs.
 */
export const evaluationRange = ({ evaluationPeriods }: Alarm): number => evaluationPeriods + 2;

/**
 * The state that follows from the data points of the evaluation range, the oldest first, undefined where one is missing:
 * by the tables of https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 * @param before the state until now
 */
export function evaluate(alarm: Alarm, points: readonly (number | undefined)[], before: AlarmState): AlarmState {
  const { evaluationPeriods, datapointsToAlarm, treatMissingData, breaches } = alarm;
  // As many real data points as are needed, if need be from farther back; only the rest is filled in.
  const real = points.filter((point) => point !== undefined).slice(-evaluationPeriods);
  const breaching = real.filter(breaches).length;
  const filled = treatMissingData === 'breaching' ? evaluationPeriods - real.length : 0;
  if (breaching + filled >= datapointsToAlarm) return 'ALARM';
  if (real.length === evaluationPeriods || breaching < real.length) return 'OK';
  if (treatMissingData === 'breaching' || treatMissingData === 'notBreaching') return 'OK';

  // Nothing but breaching data, and too few of them.
  if (treatMissingData === 'ignore') return before;
  const oldest = points.findIndex((point) => point !== undefined);
  const premature = oldest !== -1 && points.length - oldest >= datapointsToAlarm;
  return premature ? 'ALARM' : 'INSUFFICIENT_DATA';
}
