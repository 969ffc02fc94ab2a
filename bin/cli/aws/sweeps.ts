import { type CloudWatchClient, GetMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { DIMENSIONS, type MetricName, NAMESPACE, SERVICE } from '../../../lambda/core/model/metrics.ts';

/** Written by every sweep, also if no instance waits. */
const EVERY_SWEEP: MetricName = 'InstancesWaiting';
/** How far back sweeps are looked for, and the length of a period, in seconds. */
export const LOOK_BACK_SECONDS = 900;
const PERIOD_SECONDS = 60;

/** The sweeps of a function, by what they have measured: it remembers none of them itself. */
export class Sweeps {
  readonly #cloudWatch: CloudWatchClient;

  constructor(cloudWatch: CloudWatchClient) {
    this.#cloudWatch = cloudWatch;
  }

  /**
   * The minute in which the last sweep was that CloudWatch has heard of, some minutes late: milliseconds since the epoch.
   * @param now milliseconds since the epoch
   * @returns undefined if there was none in the last {@link LOOK_BACK_SECONDS}
   */
  async last(functionName: string, now: number, signal?: AbortSignal): Promise<number | undefined> {
    const Dimensions = [
      { Name: DIMENSIONS.service, Value: SERVICE },
      { Name: DIMENSIONS.functionName, Value: functionName },
    ];
    const Metric = { Namespace: NAMESPACE, MetricName: EVERY_SWEEP, Dimensions };
    const command = new GetMetricDataCommand({
      MetricDataQueries: [{ Id: 'sweeps', MetricStat: { Metric, Period: PERIOD_SECONDS, Stat: 'SampleCount' } }],
      StartTime: new Date(now - LOOK_BACK_SECONDS * 1000),
      EndTime: new Date(now + PERIOD_SECONDS * 1000),
      ScanBy: 'TimestampDescending',
    });
    const { MetricDataResults: [found] = [] } = await this.#cloudWatch.send(
      command,
      signal ? { abortSignal: signal } : {},
    );
    return found?.Timestamps?.[0]?.getTime();
  }
}
