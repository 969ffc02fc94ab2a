import {
  CompleteLifecycleActionCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeLifecycleHooksCommand,
  DescribeScalingActivitiesCommand,
  DescribeWarmPoolCommand,
  RecordLifecycleActionHeartbeatCommand,
} from '@aws-sdk/client-auto-scaling';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { GetParametersCommand } from '@aws-sdk/client-ssm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AwsEmulator } from '../../../emulators/aws/aws.ts';
import { type AwsClients, connect } from '../../../emulators/aws/clients.ts';
import { type Action, either, failing, silent, throttled } from '../../../emulators/aws/faults.ts';
import { ManualClock } from '../../../emulators/clock.ts';

const GROUP = 'builders';
const OTHER = 'testers';
const HOOK = 'nomad-drain';

let clock: ManualClock;
let aws: AwsEmulator;
let clients: AwsClients;
/** An instance that waits for the hook of each group. */
let waits: string;
let waitsElsewhere: string;

beforeEach(async () => {
  clock = new ManualClock();
  aws = await AwsEmulator.start({ clock });
  clients = connect(aws);
  for (const name of [GROUP, OTHER]) aws.addGroup({ name, hook: { name: HOOK }, warmPool: {} });
  [waits, waitsElsewhere] = [aws.addInstance(GROUP), aws.addInstance(OTHER)];
  aws.scaleIn(GROUP, [waits]);
  aws.scaleIn(OTHER, [waitsElsewhere]);
  await clock.advance(1000);
});
afterEach(() => aws.close());

/** Asks each of these, of one group or of its waiting instance. */
const calls = {
  DescribeAutoScalingGroups: (group, ...options) =>
    clients.autoScaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [group] }), ...options),
  DescribeAutoScalingInstances: (group, ...options) => {
    const command = new DescribeAutoScalingInstancesCommand({ InstanceIds: [instanceOf(group)] });
    return clients.autoScaling.send(command, ...options);
  },
  DescribeLifecycleHooks: (group, ...options) =>
    clients.autoScaling.send(new DescribeLifecycleHooksCommand({ AutoScalingGroupName: group }), ...options),
  DescribeScalingActivities: (group, ...options) =>
    clients.autoScaling.send(new DescribeScalingActivitiesCommand({ AutoScalingGroupName: group }), ...options),
  DescribeWarmPool: (group, ...options) =>
    clients.autoScaling.send(new DescribeWarmPoolCommand({ AutoScalingGroupName: group }), ...options),
  RecordLifecycleActionHeartbeat: (group, ...options) =>
    clients.autoScaling.send(new RecordLifecycleActionHeartbeatCommand(actionOf(group)), ...options),
  CompleteLifecycleAction: (group, ...options) => {
    const command = new CompleteLifecycleActionCommand({ ...actionOf(group), LifecycleActionResult: 'CONTINUE' });
    return clients.autoScaling.send(command, ...options);
  },
} satisfies Partial<Record<Action, (group: string, ...options: [{ abortSignal: AbortSignal }?]) => Promise<unknown>>>;

const instanceOf = (group: string) => (group === GROUP ? waits : waitsElsewhere);
const actionOf = (group: string) => ({
  AutoScalingGroupName: group,
  LifecycleHookName: HOOK,
  InstanceId: instanceOf(group),
});

/** Whether this request is still unanswered when the server has taken it in and has nothing left to do. */
async function isSilent(ask: (abortSignal: AbortSignal) => Promise<unknown>, server = aws.servers.autoScaling) {
  const gone = new AbortController();
  const answered = ask(gone.signal).then(
    () => false,
    () => gone.signal.aborted,
  );
  const parked = (async () => {
    while (server.parked === 0) await new Promise((resolve) => setImmediate(resolve));
    gone.abort();
    return true;
  })();
  return Promise.race([answered, parked]);
}

describe('a fault', () => {
  test.each(Object.keys(calls) as (keyof typeof calls)[])('silences %s alone', async (action) => {
    aws.servers.autoScaling.fault = silent({ action });
    for (const [name, call] of Object.entries(calls)) if (name !== action) await call(GROUP);
    expect(await isSilent((abortSignal) => calls[action](GROUP, { abortSignal }))).toBe(true);
  });

  test('silences a call about one group, and answers it about another', async () => {
    aws.servers.autoScaling.fault = silent({ action: 'DescribeScalingActivities', group: GROUP });
    await calls.DescribeScalingActivities(OTHER);
    await calls.DescribeLifecycleHooks(GROUP);
    expect(await isSilent((abortSignal) => calls.DescribeScalingActivities(GROUP, { abortSignal }))).toBe(true);
  });

  test('throttles what names a group in a list of them, or an instance', async () => {
    aws.servers.autoScaling.fault = either(
      throttled({ action: 'DescribeAutoScalingGroups', group: GROUP }),
      throttled({ instanceId: waits }),
    );
    const both = new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [OTHER, GROUP] });
    const refusal = { name: 'Throttling', message: 'Rate exceeded', $metadata: { httpStatusCode: 400 } };
    await expect(clients.autoScaling.send(both)).rejects.toMatchObject(refusal);
    await expect(calls.DescribeAutoScalingInstances(GROUP)).rejects.toMatchObject(refusal);
    await expect(calls.CompleteLifecycleAction(GROUP)).rejects.toMatchObject(refusal);
    await calls.DescribeAutoScalingGroups(OTHER);
    await calls.CompleteLifecycleAction(OTHER);
    expect(aws.completions).toMatchObject([{ instanceId: waitsElsewhere }]);
  });

  test('throttles EC2 and SSM in their own words', async () => {
    aws.servers.ec2.fault = throttled({ action: 'DescribeInstances' });
    aws.servers.ssm.fault = throttled({ action: 'GetParameters' });
    await expect(clients.ec2.send(new DescribeInstancesCommand({}))).rejects.toMatchObject({
      name: 'RequestLimitExceeded',
      $metadata: { httpStatusCode: 503 },
    });
    await expect(clients.ssm.send(new GetParametersCommand({ Names: ['/token'] }))).rejects.toMatchObject({
      name: 'ThrottlingException',
    });
  });

  test('silences DescribeInstances by the ids, addresses or tags that it asks for', async () => {
    const byTag = { Filters: [{ Name: 'tag:aws:autoscaling:groupName', Values: [GROUP] }] };
    aws.servers.ec2.fault = either(silent({ group: GROUP }), silent({ instanceId: waits }));
    await clients.ec2.send(new DescribeInstancesCommand({ InstanceIds: [waitsElsewhere] }));
    for (const input of [{ InstanceIds: [waitsElsewhere, waits] }, byTag]) {
      const ask = (abortSignal: AbortSignal) => clients.ec2.send(new DescribeInstancesCommand(input), { abortSignal });
      expect(await isSilent(ask, aws.servers.ec2)).toBe(true);
      while (aws.servers.ec2.parked > 0) await new Promise((resolve) => setImmediate(resolve));
    }
  });

  test('meets the first so many of its requests', async () => {
    const { autoScaling } = aws.servers;
    autoScaling.fault = failing({ action: 'CompleteLifecycleAction', times: 1 }, 'answer lost');
    await expect(calls.CompleteLifecycleAction(GROUP)).rejects.toThrow();
    await expect(calls.CompleteLifecycleAction(GROUP)).rejects.toThrow('No active Lifecycle Action found');
    expect(aws.completions).toMatchObject([{ instanceId: waits, by: 'call' }]);
  });
});
