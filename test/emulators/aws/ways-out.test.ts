import { DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AwsEmulator } from '../../../emulators/aws/aws.ts';
import { connect } from '../../../emulators/aws/clients.ts';
import { ManualClock } from '../../../emulators/clock.ts';

const GROUP = 'builders';
const SECOND = 1000;

let clock: ManualClock;
let aws: AwsEmulator;

beforeEach(async () => {
  clock = new ManualClock();
  aws = await AwsEmulator.start({ clock });
  aws.addGroup({ name: GROUP, hook: { name: 'nomad-drain' } });
});
afterEach(() => aws.close());

const lifecycleEvents = () => aws.events.filter(({ source }) => source === 'aws.autoscaling');

test('a detached instance leaves its group, runs on, and no hook is asked', async () => {
  const id = aws.addInstance(GROUP);
  aws.detach(id);
  expect(aws.instance(id).state).toBe('Detaching');
  await clock.advance(60 * SECOND);
  expect(aws.instance(id)).toMatchObject({ group: undefined, ec2State: 'running' });
  expect([aws.instances(GROUP), lifecycleEvents()]).toEqual([[], []]);
});

test('an instance goes into standby and comes back, and no hook is asked', async () => {
  const id = aws.addInstance(GROUP);
  aws.standby(id);
  expect(aws.instance(id).state).toBe('EnteringStandby');
  await clock.advance(SECOND);
  expect(aws.instance(id)).toMatchObject({ group: GROUP, state: 'Standby', ec2State: 'running' });
  aws.exitStandby(id);
  expect(aws.instance(id).state).toBe('Pending');
  await clock.advance(SECOND);
  expect(aws.instance(id).state).toBe('InService');
  expect(lifecycleEvents()).toEqual([]);
});

test('a group that is deleted by force is gone at once, and its instances end whatever they wait for', async () => {
  const [waits, serves] = [aws.addInstance(GROUP), aws.addInstance(GROUP)];
  aws.scaleIn(GROUP, [waits]);
  await clock.advance(2 * SECOND);
  expect(aws.instance(waits).state).toBe('Terminating:Wait');
  aws.forceDeleteGroup(GROUP);
  expect([waits, serves].map((id) => aws.instance(id).ec2State)).toEqual(['shutting-down', 'shutting-down']);
  expect(aws.waiting).toEqual([]);
  const { AutoScalingGroups } = await connect(aws).autoScaling.send(new DescribeAutoScalingGroupsCommand({}));
  expect(AutoScalingGroups).toEqual([]);
  await clock.advance(2 * SECOND);
  expect(aws.waiting).toEqual([]);
  await clock.advance(60 * SECOND);
  const ended = aws.events.filter((event) => event['detail-type'] === 'EC2 Instance Terminate Successful');
  expect(ended.map(({ resources }) => resources[1])).toEqual(
    [waits, serves].map((id) => `arn:aws:ec2:us-east-1:123456789012:instance/${id}`),
  );
});

test('an instance past its lifetime goes through its hook', async () => {
  const id = aws.addInstance(GROUP);
  aws.exceedLifetime(id);
  await clock.advance(SECOND);
  expect(aws.instance(id).state).toBe('Terminating:Wait');
});

test('a refreshed instance goes through its hook, is replaced, and the refresh has succeeded', async () => {
  const id = aws.addInstance(GROUP);
  aws.refresh(id);
  const refreshes = () =>
    aws.events.map((event) => event['detail-type']).filter((type) => type.includes('Instance Refresh'));
  await clock.advance(SECOND);
  expect(aws.instance(id).state).toBe('Terminating:Wait');
  expect(refreshes()).toEqual(['EC2 Auto Scaling Instance Refresh Started']);
  await clock.advance(3700 * SECOND);
  expect(aws.instances(GROUP).map(({ state }) => state)).toEqual(['InService']);
  expect(refreshes().at(-1)).toBe('EC2 Auto Scaling Instance Refresh Succeeded');
});

test('rebalancing zones launches another instance before it takes one out', async () => {
  const id = aws.addInstance(GROUP);
  aws.rebalanceZones(id);
  expect(aws.instances(GROUP).map(({ state }) => state)).toEqual(['InService', 'Pending']);
  await clock.advance(4 * SECOND);
  expect(aws.instances(GROUP).map(({ state }) => state)).toEqual(['Terminating:Wait', 'InService']);
});

test('an instance that fails a health check while it runs goes through its hook, and is replaced', async () => {
  const id = aws.addInstance(GROUP);
  aws.failHealthCheck(id);
  await clock.advance(SECOND);
  expect(aws.instance(id)).toMatchObject({ state: 'Terminating:Wait', ec2State: 'running' });
  expect(aws.instances(GROUP)).toHaveLength(2);
});
