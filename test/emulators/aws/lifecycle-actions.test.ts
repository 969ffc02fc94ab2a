import {
  CompleteLifecycleActionCommand,
  DeleteLifecycleHookCommand,
  PutLifecycleHookCommand,
  RecordLifecycleActionHeartbeatCommand,
} from '@aws-sdk/client-auto-scaling';
import { describe, expect, test } from 'vitest';
import { aws, clients, clock, eachInItsOwnAccount } from './account.ts';

const GROUP = 'builders';
const HOOK = 'nomad-drain';
const SECOND = 1000;
const HOUR = 3_600_000;

eachInItsOwnAccount();

const names = { AutoScalingGroupName: GROUP, LifecycleHookName: HOOK };

function complete(id: string, result: 'CONTINUE' | 'ABANDON' = 'CONTINUE', hook = HOOK) {
  return clients.autoScaling.send(
    new CompleteLifecycleActionCommand({
      ...names,
      LifecycleHookName: hook,
      InstanceId: id,
      LifecycleActionResult: result,
    }),
  );
}

const heartbeat = (id: string) =>
  clients.autoScaling.send(new RecordLifecycleActionHeartbeatCommand({ ...names, InstanceId: id }));

/** A group with our hook and one instance, which waits for it. */
async function waitingInstance(options: { heartbeatTimeoutSeconds?: number; retainOnAbandon?: boolean } = {}) {
  const { retainOnAbandon = false, ...hook } = options;
  aws.addGroup({ name: GROUP, hook: { name: HOOK, ...hook }, retainOnAbandon });
  const id = aws.addInstance(GROUP);
  aws.scaleIn(GROUP, [id]);
  await clock.advance(SECOND);
  return id;
}

describe('completing a lifecycle action', () => {
  test('works by token alone', async () => {
    const id = await waitingInstance();
    const [{ token } = { token: '' }] = aws.waiting;
    await clients.autoScaling.send(
      new CompleteLifecycleActionCommand({ ...names, LifecycleActionToken: token, LifecycleActionResult: 'CONTINUE' }),
    );
    expect(aws.completions).toEqual([
      { instanceId: id, group: GROUP, hook: HOOK, token, result: 'CONTINUE', by: 'call', at: clock.now() },
    ]);
  });

  test('twice fails: No active Lifecycle Action found with instance ID', async () => {
    const id = await waitingInstance();
    await complete(id);
    await expect(complete(id)).rejects.toMatchObject({
      name: 'ValidationError',
      message: `No active Lifecycle Action found with instance ID ${id}`,
      $metadata: { httpStatusCode: 400 },
    });
    expect(aws.completions).toHaveLength(1);
  });

  test('with a wrong token fails, though the instance waits: No active Lifecycle Action found with token', async () => {
    const id = await waitingInstance();
    const token = '00000000-0000-4000-a000-000000000000';
    const wrong = new CompleteLifecycleActionCommand({
      ...names,
      InstanceId: id,
      LifecycleActionToken: token,
      LifecycleActionResult: 'CONTINUE',
    });
    await expect(clients.autoScaling.send(wrong)).rejects.toMatchObject({
      name: 'ValidationError',
      message: `No active Lifecycle Action found with token ${token}`,
    });
    expect(aws.instance(id).state).toBe('Terminating:Wait');
  });

  test('fails for an instance that is still Terminating', async () => {
    aws.addGroup({ name: GROUP, hook: { name: HOOK } });
    const id = aws.addInstance(GROUP);
    aws.scaleIn(GROUP, [id]);
    await expect(complete(id)).rejects.toThrow('No active Lifecycle Action found');
  });

  test('fails for a hook that the group does not have, and for a group that does not exist', async () => {
    const id = await waitingInstance();
    await expect(complete(id, 'CONTINUE', 'other')).rejects.toThrow(/^No Lifecycle Hook found/);
    const elsewhere = new CompleteLifecycleActionCommand({
      ...names,
      AutoScalingGroupName: 'nowhere',
      InstanceId: id,
      LifecycleActionResult: 'CONTINUE',
    });
    await expect(clients.autoScaling.send(elsewhere)).rejects.toMatchObject({
      name: 'ValidationError',
      message: "AutoScalingGroup name not found - AutoScalingGroup 'nowhere' not found",
    });
  });

  test('names the parameter that is missing', async () => {
    const command = new CompleteLifecycleActionCommand({
      AutoScalingGroupName: GROUP,
      LifecycleHookName: HOOK,
      LifecycleActionResult: undefined,
    });
    await expect(clients.autoScaling.send(command)).rejects.toMatchObject({
      name: 'ValidationError',
      message:
        "1 validation error detected: Value null at 'lifecycleActionResult' failed to satisfy constraint: Member must not be null",
    });
  });
});

describe('the heartbeat timeout', () => {
  test('ends the wait with the default result of the hook', async () => {
    const id = await waitingInstance({ heartbeatTimeoutSeconds: 60 });
    await clock.advance(59_999);
    expect(aws.instance(id).state).toBe('Terminating:Wait');
    await clock.advance(1);
    expect(aws.instance(id).state).toBe('Terminating:Proceed');
    expect(aws.completions).toMatchObject([{ instanceId: id, result: 'ABANDON', by: 'timeout', at: clock.now() }]);
  });

  test('counts anew from a heartbeat', async () => {
    const id = await waitingInstance({ heartbeatTimeoutSeconds: 60 });
    await clock.advance(50 * SECOND);
    await heartbeat(id);
    await clock.advance(59 * SECOND);
    expect(aws.instance(id).state).toBe('Terminating:Wait');
    expect(aws.heartbeats).toEqual([{ instanceId: id, group: GROUP, hook: HOOK, at: clock.now() - 59 * SECOND }]);
    await clock.advance(SECOND);
    expect(aws.instance(id).state).toBe('Terminating:Proceed');
  });

  test('stops for nobody past 100 times itself, however often the heart beats', async () => {
    const id = await waitingInstance({ heartbeatTimeoutSeconds: 30 });
    const began = clock.now();
    for (let beats = 0; beats < 110 && aws.instance(id).state === 'Terminating:Wait'; beats++) {
      await heartbeat(id);
      await clock.advance(29 * SECOND);
    }
    expect(aws.completions).toMatchObject([{ by: 'global-timeout', result: 'ABANDON', at: began + 3000 * SECOND }]);
    await expect(heartbeat(id)).rejects.toThrow(`No active Lifecycle Action found with instance ID ${id}`);
  });

  test('stops for nobody past 48 hours', async () => {
    const id = await waitingInstance({ heartbeatTimeoutSeconds: 7200 });
    const began = clock.now();
    for (let beats = 0; beats < 50 && aws.instance(id).state === 'Terminating:Wait'; beats++) {
      await heartbeat(id);
      await clock.advance(HOUR);
    }
    expect(aws.completions).toMatchObject([{ by: 'global-timeout', at: began + 48 * HOUR }]);
  });

  test('is over for callers, too, when the clock has jumped past it', async () => {
    const id = await waitingInstance({ heartbeatTimeoutSeconds: 60 });
    clock.jump(61 * SECOND);
    await expect(complete(id)).rejects.toThrow('No active Lifecycle Action found');
  });
});

describe('lifecycle hooks', () => {
  test('that are deleted complete the waiting instances with CONTINUE', async () => {
    const id = await waitingInstance();
    await clients.autoScaling.send(new DeleteLifecycleHookCommand(names));
    expect(aws.instance(id).state).toBe('Terminating:Proceed');
    expect(aws.completions).toMatchObject([{ instanceId: id, result: 'CONTINUE', by: 'hook-deleted' }]);
    await expect(clients.autoScaling.send(new DeleteLifecycleHookCommand(names))).rejects.toMatchObject({
      name: 'ValidationError',
      message: expect.stringMatching(/^No Lifecycle Hook found/),
    });
  });

  test('that are changed hold for the waits that begin after it', async () => {
    const id = await waitingInstance({ heartbeatTimeoutSeconds: 60 });
    await clients.autoScaling.send(new PutLifecycleHookCommand({ ...names, HeartbeatTimeout: 600 }));
    await clock.advance(60 * SECOND);
    expect(aws.instance(id).state).toBe('Terminating:Proceed');
    const next = aws.addInstance(GROUP);
    aws.scaleIn(GROUP, [next]);
    await clock.advance(SECOND);
    await clock.advance(599 * SECOND);
    expect(aws.instance(next).state).toBe('Terminating:Wait');
  });

  test.each([29, 7201])('refuse a heartbeat timeout of %i seconds', async (HeartbeatTimeout) => {
    await waitingInstance();
    const command = new PutLifecycleHookCommand({ ...names, HeartbeatTimeout });
    await expect(clients.autoScaling.send(command)).rejects.toMatchObject({ name: 'ValidationError' });
  });
});
