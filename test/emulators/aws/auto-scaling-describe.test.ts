import {
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeLifecycleHooksCommand,
  DescribeScalingActivitiesCommand,
  PutLifecycleHookCommand,
  paginateDescribeAutoScalingGroups,
} from '@aws-sdk/client-auto-scaling';
import { describe, expect, test } from 'vitest';
import { AwsEmulator } from '../../../emulators/aws/aws.ts';
import { connect } from '../../../emulators/aws/clients.ts';
import { aws, clients, clock, eachInItsOwnAccount } from './account.ts';

const GROUP = 'builders';
const HOOK = 'nomad-drain';
const SECOND = 1000;

eachInItsOwnAccount();

async function describeGroup() {
  const answer = await clients.autoScaling.send(
    new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [GROUP] }),
  );
  return answer.AutoScalingGroups?.[0];
}

async function activities() {
  const command = new DescribeScalingActivitiesCommand({ AutoScalingGroupName: GROUP });
  return (await clients.autoScaling.send(command)).Activities ?? [];
}

describe('DescribeAutoScalingGroups', () => {
  test('tells the state of each instance', async () => {
    aws.addGroup({ name: GROUP, hook: { name: HOOK } });
    const [one, other] = [aws.addInstance(GROUP), aws.addInstance(GROUP)];
    aws.scaleIn(GROUP, [one]);
    await clock.advance(SECOND);
    expect(await describeGroup()).toMatchObject({
      AutoScalingGroupName: GROUP,
      DesiredCapacity: 1,
      CreatedTime: new Date('2026-03-01T09:00:00Z'),
      Instances: [
        { InstanceId: one, LifecycleState: 'Terminating:Wait', HealthStatus: 'Healthy', ProtectedFromScaleIn: false },
        { InstanceId: other, LifecycleState: 'InService' },
      ],
    });
  });

  test('passes over names that no group has, in silence', async () => {
    aws.addGroup({ name: GROUP });
    const command = new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: ['nowhere'] });
    expect((await clients.autoScaling.send(command)).AutoScalingGroups).toEqual([]);
  });

  test('answers 50 groups a page, or MaxRecords, and goes on from the token', async () => {
    for (let n = 0; n < 120; n++) aws.addGroup({ name: `group-${n}` });
    const pages = [];
    for await (const page of paginateDescribeAutoScalingGroups({ client: clients.autoScaling }, {})) {
      pages.push(page.AutoScalingGroups?.length);
    }
    expect(pages).toEqual([50, 50, 20]);
    const two = await clients.autoScaling.send(new DescribeAutoScalingGroupsCommand({ MaxRecords: 2 }));
    expect(two.AutoScalingGroups?.map((group) => group.AutoScalingGroupName)).toEqual(['group-0', 'group-1']);
  });

  test('shows what was, where the world is told that reading lags behind', async () => {
    const lagging = await AwsEmulator.start({ clock, timing: { describeLagMs: 3 * SECOND } });
    lagging.addGroup({ name: GROUP, hook: { name: HOOK } });
    const id = lagging.addInstance(GROUP);
    lagging.scaleIn(GROUP, [id]);
    await clock.advance(SECOND);
    const shown = async () => {
      const answer = await connect(lagging).autoScaling.send(new DescribeAutoScalingInstancesCommand({}));
      return answer.AutoScalingInstances?.[0]?.LifecycleState;
    };
    expect([lagging.instance(id).state, await shown()]).toEqual(['Terminating:Wait', 'InService']);
    await clock.advance(2 * SECOND);
    expect(await shown()).toBe('Terminating');
    await clock.advance(SECOND);
    expect(await shown()).toBe('Terminating:Wait');
    await lagging.close();
  });
});

describe('DescribeAutoScalingInstances', () => {
  test('answers for the instances that are in a group, and passes over the rest', async () => {
    aws.addGroup({ name: GROUP });
    const id = aws.addInstance(GROUP);
    const command = new DescribeAutoScalingInstancesCommand({ InstanceIds: ['i-00000000000000000', id] });
    expect((await clients.autoScaling.send(command)).AutoScalingInstances).toMatchObject([
      { InstanceId: id, AutoScalingGroupName: GROUP, LifecycleState: 'InService', HealthStatus: 'HEALTHY' },
    ]);
  });

  test('takes 50 ids and no more', async () => {
    const ids = Array.from({ length: 51 }, (_, n) => `i-0000000000000${String(n).padStart(4, '0')}`);
    const ask = (InstanceIds: string[]) =>
      clients.autoScaling.send(new DescribeAutoScalingInstancesCommand({ InstanceIds }));
    expect((await ask(ids.slice(0, 50))).AutoScalingInstances).toEqual([]);
    await expect(ask(ids)).rejects.toMatchObject({
      name: 'ValidationError',
      message: 'The number of instance ids that may be passed in is limited to 50',
    });
  });
});

describe('DescribeLifecycleHooks', () => {
  const hooks = async (AutoScalingGroupName: string, LifecycleHookNames?: string[]) => {
    const command = new DescribeLifecycleHooksCommand({
      AutoScalingGroupName,
      ...(LifecycleHookNames && { LifecycleHookNames }),
    });
    return (await clients.autoScaling.send(command)).LifecycleHooks;
  };

  test('tells the defaults of a hook that was put without any, and its global timeout', async () => {
    aws.addGroup({ name: GROUP });
    await clients.autoScaling.send(
      new PutLifecycleHookCommand({
        AutoScalingGroupName: GROUP,
        LifecycleHookName: HOOK,
        LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
      }),
    );
    expect(await hooks(GROUP)).toEqual([
      {
        LifecycleHookName: HOOK,
        AutoScalingGroupName: GROUP,
        LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
        HeartbeatTimeout: 3600,
        GlobalTimeout: 172_800,
        DefaultResult: 'ABANDON',
      },
    ]);
  });

  test('answers only the hooks that are named', async () => {
    aws.addGroup({ name: GROUP, hooks: [{ name: HOOK, heartbeatTimeoutSeconds: 30 }, { name: 'logs' }] });
    expect(await hooks(GROUP, [HOOK, 'none'])).toMatchObject([{ LifecycleHookName: HOOK, GlobalTimeout: 3000 }]);
  });

  test('fails for a group that does not exist', async () => {
    await expect(hooks('nowhere')).rejects.toMatchObject({
      name: 'ValidationError',
      message: "AutoScalingGroup name not found - AutoScalingGroup 'nowhere' not found",
    });
  });
});

describe('DescribeScalingActivities', () => {
  test('tells since when an instance terminates, and that it is mid lifecycle action', async () => {
    aws.addGroup({ name: GROUP, hook: { name: HOOK } });
    const id = aws.addInstance(GROUP);
    await clock.advance(60 * SECOND);
    aws.scaleIn(GROUP, [id]);
    await clock.advance(10 * SECOND);
    const [activity] = await activities();
    expect(activity).toMatchObject({
      Description: `Terminating EC2 instance: ${id}`,
      StartTime: new Date('2026-03-01T09:01:00Z'),
      StatusCode: 'MidLifecycleAction',
      Cause: expect.stringContaining('changing the desired capacity from 1 to 0'),
    });
    expect(activity?.EndTime).toBeUndefined();
    expect(JSON.parse(activity?.Details ?? '')).toHaveProperty('Availability Zone');
  });

  test('puts what is in progress first, and the newest first among what is done', async () => {
    aws.addGroup({ name: GROUP, hook: { name: HOOK, heartbeatTimeoutSeconds: 30, defaultResult: 'CONTINUE' } });
    const started = [];
    for (const timeout of [7200, 30, 30]) {
      await clients.autoScaling.send(
        new PutLifecycleHookCommand({
          AutoScalingGroupName: GROUP,
          LifecycleHookName: HOOK,
          HeartbeatTimeout: timeout,
        }),
      );
      const id = aws.addInstance(GROUP);
      aws.scaleIn(GROUP, [id]);
      started.push(`Terminating EC2 instance: ${id}`);
      await clock.advance(2 * SECOND);
    }
    await clock.advance(120 * SECOND);
    const [waiting, second, third] = started;
    expect((await activities()).map(({ Description }) => Description)).toEqual([waiting, third, second]);
  });

  test('pages', async () => {
    aws.addGroup({ name: GROUP });
    for (let n = 0; n < 3; n++) aws.addInstance(GROUP);
    aws.scaleIn(GROUP, 3);
    const ask = (NextToken?: string) =>
      clients.autoScaling.send(
        new DescribeScalingActivitiesCommand({
          AutoScalingGroupName: GROUP,
          MaxRecords: 2,
          ...(NextToken && { NextToken }),
        }),
      );
    const first = await ask();
    const second = await ask(first.NextToken);
    expect([first.Activities?.length, second.Activities?.length, second.NextToken]).toEqual([2, 1, undefined]);
  });
});
