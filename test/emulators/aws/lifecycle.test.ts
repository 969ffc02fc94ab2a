import { CompleteLifecycleActionCommand, DescribeAutoScalingInstancesCommand } from '@aws-sdk/client-auto-scaling';
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

/** A group with our hook and one instance, which waits for it. */
async function waitingInstance(options: { heartbeatTimeoutSeconds?: number; retainOnAbandon?: boolean } = {}) {
  const { retainOnAbandon = false, ...hook } = options;
  aws.addGroup({ name: GROUP, hook: { name: HOOK, ...hook }, retainOnAbandon });
  const id = aws.addInstance(GROUP);
  aws.scaleIn(GROUP, [id]);
  await clock.advance(SECOND);
  return id;
}

describe('an instance that is scaled in', () => {
  test('is Terminating first, a moment later it is Terminating:Wait', async () => {
    aws.addGroup({ name: GROUP, hook: { name: HOOK } });
    const id = aws.addInstance(GROUP);
    aws.scaleIn(GROUP, [id]);
    expect(aws.instance(id).state).toBe('Terminating');
    await clock.advance(SECOND);
    expect(aws.instance(id)).toMatchObject({ state: 'Terminating:Wait', ec2State: 'running' });
  });

  test('does not wait where the group has no terminating hook', async () => {
    aws.addGroup({ name: GROUP, hook: { name: 'greet', transition: 'autoscaling:EC2_INSTANCE_LAUNCHING' } });
    const id = aws.addInstance(GROUP);
    aws.scaleIn(GROUP, [id]);
    await clock.advance(SECOND);
    expect(aws.instance(id).state).toBe('Terminating:Proceed');
  });

  test('proceeds to its end once its lifecycle action is completed, and leaves the group', async () => {
    const id = await waitingInstance();
    await complete(id);
    expect(aws.instance(id)).toMatchObject({ state: 'Terminating:Proceed', ec2State: 'running' });
    await clock.advance(SECOND);
    expect(aws.instance(id)).toMatchObject({ state: 'Terminating:Proceed', ec2State: 'shutting-down' });
    await clock.advance(30 * SECOND);
    expect(aws.instance(id)).toMatchObject({ state: 'Terminated', ec2State: 'terminated' });
    await clock.advance(SECOND);
    expect(aws.instance(id)).toMatchObject({ state: undefined, group: undefined });
    const answer = await clients.autoScaling.send(new DescribeAutoScalingInstancesCommand({ InstanceIds: [id] }));
    expect(answer.AutoScalingInstances).toEqual([]);
  });

  test('goes on as it was when it is scaled in once more', async () => {
    const id = await waitingInstance();
    const [action] = aws.waiting;
    aws.scaleIn(GROUP, [id]);
    await clock.advance(SECOND);
    expect(aws.waiting).toEqual([action]);
  });

  test('terminates on ABANDON just as on CONTINUE', async () => {
    const id = await waitingInstance();
    await complete(id, 'ABANDON');
    await clock.advance(SECOND);
    expect(aws.instance(id).ec2State).toBe('shutting-down');
  });

  test('is kept on ABANDON where the group retains abandoned instances', async () => {
    const id = await waitingInstance({ retainOnAbandon: true });
    await complete(id, 'ABANDON');
    await clock.advance(HOUR);
    expect(aws.instance(id)).toMatchObject({ state: 'Terminating:Retained', ec2State: 'running' });
  });

  test('is not kept on CONTINUE where the group retains abandoned instances', async () => {
    const id = await waitingInstance({ retainOnAbandon: true });
    await complete(id, 'CONTINUE');
    await clock.advance(SECOND);
    expect(aws.instance(id).ec2State).toBe('shutting-down');
  });
});

describe('an instance that launches', () => {
  const greet = { name: 'greet', transition: 'autoscaling:EC2_INSTANCE_LAUNCHING' } as const;

  test('waits for the launching hooks in Pending:Wait, and for no other', async () => {
    aws.addGroup({ name: GROUP, hooks: [{ name: HOOK }, greet] });
    const id = aws.launch(GROUP);
    await clock.advance(SECOND);
    expect(aws.instance(id).state).toBe('Pending:Wait');
    expect(aws.waiting.map(({ hook }) => hook.name)).toEqual(['greet']);
    await complete(id, 'CONTINUE', 'greet');
    await clock.advance(SECOND);
    expect(aws.instance(id).state).toBe('InService');
  });

  test('is terminated on ABANDON, and another is launched in its place, whatever the group retains', async () => {
    aws.addGroup({ name: GROUP, hook: greet, retainOnAbandon: true });
    const id = aws.launch(GROUP);
    await clock.advance(SECOND);
    await complete(id, 'ABANDON', 'greet');
    await clock.advance(SECOND);
    expect(aws.instances(GROUP).map(({ state }) => state)).toEqual(['Terminating', 'Pending']);
  });
});

describe('several hooks on one transition', () => {
  async function waitingForTwo() {
    aws.addGroup({ name: GROUP, hooks: [{ name: HOOK }, { name: 'logs', heartbeatTimeoutSeconds: 60 }] });
    const id = aws.addInstance(GROUP);
    aws.scaleIn(GROUP, [id]);
    await clock.advance(SECOND);
    return id;
  }

  test('run at the same time, each with a token of its own', async () => {
    const id = await waitingForTwo();
    expect(aws.waiting.map(({ instanceId, hook }) => [instanceId, hook.name])).toEqual([
      [id, HOOK],
      [id, 'logs'],
    ]);
    expect(new Set(aws.waiting.map(({ token }) => token)).size).toBe(2);
  });

  test('hold the instance until each is completed', async () => {
    const id = await waitingForTwo();
    await complete(id, 'CONTINUE');
    expect(aws.instance(id).state).toBe('Terminating:Wait');
    await expect(complete(id, 'CONTINUE')).rejects.toThrow('No active Lifecycle Action found');
    await complete(id, 'CONTINUE', 'logs');
    expect(aws.instance(id).state).toBe('Terminating:Proceed');
  });

  test('end at once when one of them says ABANDON', async () => {
    const id = await waitingForTwo();
    await complete(id, 'ABANDON', 'logs');
    expect(aws.instance(id).state).toBe('Terminating:Proceed');
    expect(aws.waiting).toEqual([]);
  });
});
