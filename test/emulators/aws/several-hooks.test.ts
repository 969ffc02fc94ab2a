import {
  CompleteLifecycleActionCommand,
  DescribeLifecycleHooksCommand,
  RecordLifecycleActionHeartbeatCommand,
} from '@aws-sdk/client-auto-scaling';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AwsEmulator } from '../../../emulators/aws/aws.ts';
import { type AwsClients, connect } from '../../../emulators/aws/clients.ts';
import { ManualClock } from '../../../emulators/clock.ts';

const GROUP = 'builders';
const OURS = 'nomad-drain';
const THEIRS = 'ship-logs';
const SECOND = 1000;

let clock: ManualClock;
let aws: AwsEmulator;
let clients: AwsClients;

beforeEach(async () => {
  clock = new ManualClock();
  aws = await AwsEmulator.start({ clock });
  clients = connect(aws);
  aws.addGroup({
    name: GROUP,
    hook: { name: OURS, heartbeatTimeoutSeconds: 600, defaultResult: 'CONTINUE' },
    moreHooks: [{ name: THEIRS, heartbeatTimeoutSeconds: 60, defaultResult: 'CONTINUE' }],
  });
});
afterEach(() => aws.close());

const complete = (id: string, hook: string, LifecycleActionResult: 'CONTINUE' | 'ABANDON' = 'CONTINUE') =>
  clients.autoScaling.send(
    new CompleteLifecycleActionCommand({
      AutoScalingGroupName: GROUP,
      LifecycleHookName: hook,
      InstanceId: id,
      LifecycleActionResult,
    }),
  );

const heartbeat = (id: string, hook: string) =>
  clients.autoScaling.send(
    new RecordLifecycleActionHeartbeatCommand({ AutoScalingGroupName: GROUP, LifecycleHookName: hook, InstanceId: id }),
  );

async function scaledIn(): Promise<string> {
  const id = aws.addInstance(GROUP);
  aws.scaleIn(GROUP, [id]);
  await clock.advance(SECOND);
  return id;
}

const noAction = (id: string) => ({
  name: 'ValidationError',
  message: `No active Lifecycle Action found with instance ID ${id}`,
  $metadata: { httpStatusCode: 400 },
});

describe('a second terminating hook', () => {
  test('is described beside the first, each with its own times', async () => {
    const { LifecycleHooks } = await clients.autoScaling.send(
      new DescribeLifecycleHooksCommand({ AutoScalingGroupName: GROUP }),
    );
    expect(LifecycleHooks).toMatchObject([
      { LifecycleHookName: OURS, HeartbeatTimeout: 600, GlobalTimeout: 60_000 },
      { LifecycleHookName: THEIRS, HeartbeatTimeout: 60, GlobalTimeout: 6_000 },
    ]);
  });

  test('has an event and a token of its own', async () => {
    const id = await scaledIn();
    const events = aws.events.filter(({ detail }) => detail.EC2InstanceId === id);
    expect(events.map(({ detail }) => [detail.LifecycleHookName, detail.LifecycleActionToken])).toEqual(
      aws.waiting.map(({ hook, token }) => [hook.name, token]),
    );
    expect(new Set(events.map(({ detail }) => detail.LifecycleActionToken)).size).toBe(2);
  });

  test('holds an instance whose first hook is completed, which is then no action any more', async () => {
    const id = await scaledIn();
    await complete(id, OURS);
    expect(aws.instance(id).state).toBe('Terminating:Wait');
    await expect(complete(id, OURS)).rejects.toMatchObject(noAction(id));
    await expect(heartbeat(id, OURS)).rejects.toMatchObject(noAction(id));
    await heartbeat(id, THEIRS);
    await complete(id, THEIRS);
    expect(aws.instance(id).state).toBe('Terminating:Proceed');
  });

  test('lapses by itself, and its heartbeats are no heartbeats of the first', async () => {
    const id = await scaledIn();
    await clock.advance(50 * SECOND);
    await heartbeat(id, OURS);
    await clock.advance(10 * SECOND);
    expect(aws.completions).toMatchObject([{ hook: THEIRS, by: 'timeout' }]);
    expect(aws.instance(id).state).toBe('Terminating:Wait');
    await expect(complete(id, THEIRS)).rejects.toMatchObject(noAction(id));
    await clock.advance(589 * SECOND);
    expect(aws.instance(id).state).toBe('Terminating:Wait');
    await clock.advance(SECOND);
    expect(aws.instance(id).state).toBe('Terminating:Proceed');
    expect(aws.completions.map(({ hook, by }) => [hook, by])).toEqual([
      [THEIRS, 'timeout'],
      [OURS, 'timeout'],
    ]);
  });

  // AWS's own default for the result is ABANDON.
  test('that is abandoned ends the wait for the first, whose action is gone', async () => {
    aws.addHook(GROUP, { name: THEIRS, heartbeatTimeoutSeconds: 60 });
    const id = await scaledIn();
    await clock.advance(60 * SECOND);
    expect(aws.instance(id).state).toBe('Terminating:Proceed');
    expect(aws.completions).toMatchObject([{ hook: THEIRS, by: 'timeout', result: 'ABANDON' }]);
    await expect(heartbeat(id, OURS)).rejects.toMatchObject(noAction(id));
    await expect(complete(id, OURS)).rejects.toMatchObject(noAction(id));
  });

  test('that is added while an instance waits does not hold that one', async () => {
    const id = await scaledIn();
    aws.addHook(GROUP, { name: 'third' });
    expect(aws.waiting.map(({ hook }) => hook.name)).toEqual([OURS, THEIRS]);
    await expect(heartbeat(id, 'third')).rejects.toMatchObject(noAction(id));
    await complete(id, OURS);
    await complete(id, THEIRS);
    expect(aws.instance(id).state).toBe('Terminating:Proceed');
    const next = await scaledIn();
    expect(aws.waiting.filter(({ instanceId }) => instanceId === next)).toHaveLength(3);
  });
});
