import { CloudWatchClient, GetMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { expect, onTestFinished, test } from 'vitest';
import { CloudWatch } from '../../../emulators/aws/cloudwatch/cloud-watch.ts';
import { Functions } from '../../../emulators/aws/events/functions.ts';

const NINE = Date.parse('2026-03-01T09:00:00Z');
const MINUTE = 60_000;
const dimensions = { FunctionName: 'drain' };

async function start() {
  const metrics = new CloudWatch();
  const functions = await Functions.start(() => {}, metrics);
  onTestFinished(() => functions.close());
  const client = new CloudWatchClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' },
    maxAttempts: 1,
    endpoint: functions.cloudWatch.url,
  });
  const ask = (from: number, to: number, MetricName = 'Waiting', more = {}) => {
    const Metric = { Namespace: 'N', MetricName, Dimensions: [{ Name: 'FunctionName', Value: 'drain' }] };
    return client.send(
      new GetMetricDataCommand({
        MetricDataQueries: [{ Id: 'a', MetricStat: { Metric, Period: 60, Stat: 'SampleCount' } }],
        StartTime: new Date(from),
        EndTime: new Date(to),
        ...more,
      }),
    );
  };
  return { metrics, ask };
}

test('GetMetricData answers the periods that there are data of, the newest first unless asked otherwise', async () => {
  const { metrics, ask } = await start();
  for (const at of [NINE, NINE + 3 * MINUTE, NINE + 3 * MINUTE + 5]) {
    metrics.put({ namespace: 'N', name: 'Waiting', dimensions, value: 0, at });
  }
  const [newest] = (await ask(NINE, NINE + 5 * MINUTE)).MetricDataResults ?? [];
  expect(newest).toMatchObject({ Timestamps: [new Date(NINE + 3 * MINUTE), new Date(NINE)], Values: [2, 1] });
  const [oldest] =
    (await ask(NINE, NINE + 5 * MINUTE, 'Waiting', { ScanBy: 'TimestampAscending' })).MetricDataResults ?? [];
  expect(oldest).toMatchObject({ Values: [1, 2] });
});

test('GetMetricData of what nobody has measured, or not then, is empty', async () => {
  const { metrics, ask } = await start();
  metrics.put({ namespace: 'N', name: 'Waiting', dimensions, value: 0, at: NINE });
  for (const asked of [ask(NINE + MINUTE, NINE + 2 * MINUTE), ask(NINE, NINE + MINUTE, 'Other')]) {
    expect((await asked).MetricDataResults).toMatchObject([{ Timestamps: [], Values: [] }]);
  }
});

test('GetMetricData refuses a time that ends before it begins', async () => {
  const { ask } = await start();
  await expect(ask(NINE, NINE)).rejects.toThrow('StartTime must be less than');
});
