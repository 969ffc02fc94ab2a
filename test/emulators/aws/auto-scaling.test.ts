import { SetDesiredCapacityCommand, TerminateInstanceInAutoScalingGroupCommand } from '@aws-sdk/client-auto-scaling';
import { describe, expect, test } from 'vitest';
import { aws, clients, clock, eachInItsOwnAccount } from './account.ts';

const GROUP = 'builders';
const HOOK = 'nomad-drain';
const SECOND = 1000;

eachInItsOwnAccount();

describe('the desired capacity', () => {
  test('set lower takes the oldest instances out', async () => {
    aws.addGroup({ name: GROUP, hook: { name: HOOK } });
    const [oldest, next] = [aws.addInstance(GROUP), aws.addInstance(GROUP)];
    await clients.autoScaling.send(new SetDesiredCapacityCommand({ AutoScalingGroupName: GROUP, DesiredCapacity: 1 }));
    expect([aws.instance(oldest).state, aws.instance(next).state]).toEqual(['Terminating', 'InService']);
  });

  test('is not set below the minimum of the group, nor lowered below it by a termination', async () => {
    aws.addGroup({ name: GROUP, minSize: 1 });
    const InstanceId = aws.addInstance(GROUP);
    const set = new SetDesiredCapacityCommand({ AutoScalingGroupName: GROUP, DesiredCapacity: 0 });
    await expect(clients.autoScaling.send(set)).rejects.toThrow('value 0 is below min value 1');
    const terminate = (ShouldDecrementDesiredCapacity: boolean) =>
      clients.autoScaling.send(
        new TerminateInstanceInAutoScalingGroupCommand({ InstanceId, ShouldDecrementDesiredCapacity }),
      );
    await expect(terminate(true)).rejects.toThrow("will violate group's min size constraint");
    await terminate(false);
    expect(aws.desiredCapacity(GROUP)).toBe(1);
  });

  test('set higher launches instances, which are Pending before they are InService', async () => {
    aws.addGroup({ name: GROUP });
    await clients.autoScaling.send(new SetDesiredCapacityCommand({ AutoScalingGroupName: GROUP, DesiredCapacity: 2 }));
    expect(aws.instances(GROUP).map(({ state }) => state)).toEqual(['Pending', 'Pending']);
    await clock.advance(2 * SECOND);
    expect(aws.instances(GROUP).map(({ state }) => state)).toEqual(['InService', 'InService']);
  });
});

describe('TerminateInstanceInAutoScalingGroup', () => {
  const terminate = (InstanceId: string, ShouldDecrementDesiredCapacity: boolean) =>
    clients.autoScaling.send(
      new TerminateInstanceInAutoScalingGroupCommand({ InstanceId, ShouldDecrementDesiredCapacity }),
    );

  test('starts the termination and answers its scaling activity', async () => {
    aws.addGroup({ name: GROUP, hook: { name: HOOK } });
    const id = aws.addInstance(GROUP);
    const { Activity } = await terminate(id, true);
    expect(Activity).toMatchObject({ Description: `Terminating EC2 instance: ${id}`, StatusCode: 'InProgress' });
    expect(aws.instances(GROUP)).toMatchObject([{ id, state: 'Terminating' }]);
  });

  test('launches another instance unless the desired capacity is decremented', async () => {
    aws.addGroup({ name: GROUP, hook: { name: HOOK } });
    await terminate(aws.addInstance(GROUP), false);
    expect(aws.instances(GROUP).map(({ state }) => state)).toEqual(['Terminating', 'Pending']);
  });

  test('ends a retained instance, without asking its hooks again', async () => {
    aws.addGroup({ name: GROUP, hook: { name: HOOK, heartbeatTimeoutSeconds: 30 }, retainOnAbandon: true });
    const id = aws.addInstance(GROUP);
    aws.scaleIn(GROUP, [id]);
    await clock.advance(60 * SECOND);
    expect(aws.instance(id).state).toBe('Terminating:Retained');
    await terminate(id, false);
    await clock.advance(60 * SECOND);
    expect(aws.instance(id)).toMatchObject({ ec2State: 'terminated', group: undefined });
    expect(aws.completions).toHaveLength(1);
  });

  test('fails for an instance that no group has', async () => {
    await expect(terminate('i-00000000000000000', true)).rejects.toMatchObject({
      name: 'ValidationError',
      message: 'Instance Id not found - No managed instance found for instance ID: i-00000000000000000',
    });
  });
});
