import {
  CompleteLifecycleActionCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeWarmPoolCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AwsEmulator } from '../../../emulators/aws/aws.ts';
import { type AwsClients, connect } from '../../../emulators/aws/clients.ts';
import { ManualClock } from '../../../emulators/clock.ts';

const GROUP = 'builders';
const HOOK = 'nomad-drain';
const greet = { name: 'greet', transition: 'autoscaling:EC2_INSTANCE_LAUNCHING' } as const;
const SECOND = 1000;

let clock: ManualClock;
let aws: AwsEmulator;
let clients: AwsClients;

beforeEach(async () => {
  clock = new ManualClock();
  aws = await AwsEmulator.start({ clock });
  clients = connect(aws);
});
afterEach(() => aws.close());

function complete(id: string, result: 'CONTINUE' | 'ABANDON' = 'CONTINUE', hook = HOOK) {
  return clients.autoScaling.send(
    new CompleteLifecycleActionCommand({
      AutoScalingGroupName: GROUP,
      LifecycleHookName: hook,
      InstanceId: id,
      LifecycleActionResult: result,
    }),
  );
}

const lastDetail = () => aws.events.findLast((event) => event['detail-type'].endsWith('Lifecycle Action'))?.detail;

async function returning(options: { state?: 'Running'; retainOnAbandon?: boolean } = {}) {
  const { retainOnAbandon = false, ...pool } = options;
  aws.addGroup({ name: GROUP, hook: { name: HOOK }, warmPool: { reuse: true, ...pool }, retainOnAbandon });
  const id = aws.addInstance(GROUP);
  aws.scaleIn(GROUP, [id]);
  await clock.advance(SECOND);
  return id;
}

describe('scale-in with an instance reuse policy', () => {
  test('lets the instance wait for the terminating hook in Warmed:Pending:Wait', async () => {
    const id = await returning();
    expect(aws.instance(id)).toMatchObject({ state: 'Warmed:Pending:Wait', ec2State: 'running' });
    expect(lastDetail()).toMatchObject({
      LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
      Origin: 'AutoScalingGroup',
      Destination: 'WarmPool',
    });
  });

  test('stops the instance and keeps it, once it is let go', async () => {
    const id = await returning();
    const gone: string[] = [];
    aws.onInstanceGone((instance) => gone.push(instance.ec2State));
    await complete(id);
    await clock.advance(SECOND);
    expect(aws.instance(id)).toMatchObject({ state: 'Warmed:Stopped', ec2State: 'stopping', group: GROUP });
    await clock.advance(30 * SECOND);
    expect(aws.instance(id).ec2State).toBe('stopped');
    expect(gone).toEqual(['stopping']);
  });

  test('leaves the instance running where the pool keeps its instances so', async () => {
    const id = await returning({ state: 'Running' });
    await complete(id);
    await clock.advance(SECOND);
    expect(aws.instance(id)).toMatchObject({ state: 'Warmed:Running', ec2State: 'running' });
  });

  test('ends the instance on ABANDON, or retains it where the group does that', async () => {
    const id = await returning();
    await complete(id, 'ABANDON');
    await clock.advance(SECOND);
    expect(aws.instance(id).state).toBe('Warmed:Terminating');
    await aws.close();

    aws = await AwsEmulator.start({ clock });
    clients = connect(aws);
    const retained = await returning({ retainOnAbandon: true });
    await complete(retained, 'ABANDON');
    await clock.advance(SECOND);
    expect(aws.instance(retained)).toMatchObject({ state: 'Warmed:Pending:Retained', ec2State: 'running' });
  });
});

describe('an instance of the warm pool', () => {
  async function warm() {
    const id = await returning();
    await complete(id);
    await clock.advance(60 * SECOND);
    return id;
  }

  test('goes back into service, running and with its address, when the group scales out', async () => {
    const id = await warm();
    const { privateIp } = aws.instance(id);
    const running: string[] = [];
    aws.onInstanceRunning((instance) => running.push(instance.id));
    aws.startFromWarmPool(id);
    expect(aws.instance(id)).toMatchObject({ state: 'Pending', ec2State: 'running', privateIp });
    await clock.advance(2 * SECOND);
    expect(aws.instance(id).state).toBe('InService');
    expect(running).toEqual([id]);
  });

  test('waits for the terminating hook in Warmed:Terminating:Wait when the pool lets it go', async () => {
    const id = await warm();
    const gone: string[] = [];
    aws.onInstanceGone((instance) => gone.push(instance.id));
    aws.terminateFromWarmPool(id);
    await clock.advance(SECOND);
    expect(aws.instance(id).state).toBe('Warmed:Terminating:Wait');
    expect(lastDetail()).toMatchObject({ Origin: 'WarmPool', Destination: 'EC2' });
    await complete(id);
    await clock.advance(60 * SECOND);
    expect(aws.instance(id)).toMatchObject({ ec2State: 'terminated', group: undefined });
    // It was stopped: nothing ran on it any more.
    expect(gone).toEqual([]);
  });

  test('is in DescribeWarmPool and DescribeAutoScalingInstances, and not in DescribeAutoScalingGroups', async () => {
    const id = await returning();
    const other = aws.addInstance(GROUP);
    const { autoScaling } = clients;
    const pool = await autoScaling.send(new DescribeWarmPoolCommand({ AutoScalingGroupName: GROUP }));
    expect(pool.Instances).toMatchObject([{ InstanceId: id, LifecycleState: 'Warmed:Pending:Wait' }]);
    expect(pool.WarmPoolConfiguration).toMatchObject({
      PoolState: 'Stopped',
      InstanceReusePolicy: { ReuseOnScaleIn: true },
    });
    const instances = await autoScaling.send(new DescribeAutoScalingInstancesCommand({ InstanceIds: [id] }));
    expect(instances.AutoScalingInstances).toMatchObject([{ LifecycleState: 'Warmed:Pending:Wait' }]);
    const groups = await autoScaling.send(new DescribeAutoScalingGroupsCommand({}));
    expect(groups.AutoScalingGroups).toMatchObject([{ Instances: [{ InstanceId: other }], WarmPoolSize: 1 }]);
  });

  test('cannot be terminated by TerminateInstanceInAutoScalingGroup', async () => {
    const id = await warm();
    const command = new TerminateInstanceInAutoScalingGroupCommand({
      InstanceId: id,
      ShouldDecrementDesiredCapacity: true,
    });
    await expect(clients.autoScaling.send(command)).rejects.toMatchObject({ name: 'ValidationError' });
  });
});

test('an instance that launches into the warm pool waits for the launching hook in the same Warmed:Pending:Wait', async () => {
  const launching = { name: 'greet', transition: 'autoscaling:EC2_INSTANCE_LAUNCHING' } as const;
  aws.addGroup({ name: GROUP, hooks: [{ name: HOOK }, launching], warmPool: { reuse: true } });
  const id = aws.launch(GROUP, { into: 'WarmPool' });
  await clock.advance(SECOND);
  expect(aws.instance(id).state).toBe('Warmed:Pending:Wait');
  expect(aws.waiting.map(({ hook }) => hook.name)).toEqual(['greet']);
  expect(aws.events.at(-1)).toMatchObject({
    'detail-type': 'EC2 Instance-launch Lifecycle Action',
    detail: { LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING', Origin: 'EC2', Destination: 'WarmPool' },
  });
  await expect(complete(id)).rejects.toThrow(`No active Lifecycle Action found with instance ID ${id}`);
  await complete(id, 'CONTINUE', 'greet');
  await clock.advance(SECOND);
  expect(aws.instance(id).state).toBe('Warmed:Stopped');
});

describe('root volume replacement', () => {
  test('waits for the terminating hook, and the instance comes back InService', async () => {
    aws.addGroup({ name: GROUP, hook: { name: HOOK } });
    const id = aws.addInstance(GROUP);
    aws.replaceRootVolume(id);
    expect(aws.instance(id).state).toBe('ReplacingRootVolume');
    await clock.advance(SECOND);
    expect(aws.instance(id).state).toBe('ReplacingRootVolume:Wait');
    expect(lastDetail()).toMatchObject({ Action: 'ReplaceRootVolume', EC2InstanceId: id });
    await complete(id);
    await clock.advance(SECOND);
    expect(aws.instance(id)).toMatchObject({ state: 'RootVolumeReplaced', ec2State: 'running' });
    await clock.advance(SECOND);
    expect(aws.instance(id)).toMatchObject({ state: 'Pending', ec2State: 'running' });
    await clock.advance(2 * SECOND);
    expect(aws.instance(id)).toMatchObject({ state: 'InService', ec2State: 'running' });
  });

  test('waits for the launching hook before the instance serves again', async () => {
    aws.addGroup({ name: GROUP, hook: { name: HOOK }, moreHooks: [greet] });
    const id = aws.addInstance(GROUP);
    aws.replaceRootVolume(id);
    await clock.advance(SECOND);
    await complete(id);
    await clock.advance(3 * SECOND);
    expect(aws.instance(id).state).toBe('Pending:Wait');
    expect(aws.events.at(-1)).toMatchObject({
      'detail-type': 'EC2 Instance-launch Lifecycle Action',
      detail: { Action: 'ReplaceRootVolume', Origin: 'AutoScalingGroup', Destination: 'AutoScalingGroup' },
    });
    await complete(id, 'CONTINUE', greet.name);
    await clock.advance(SECOND);
    expect(aws.instance(id).state).toBe('InService');
    expect(aws.events.map((event) => event['detail-type'])).not.toContain('EC2 Instance Launch Successful');
  });

  test('reboots the instance once its hooks have let it go, and not before', async () => {
    aws.addGroup({ name: GROUP, hook: { name: HOOK } });
    const id = aws.addInstance(GROUP);
    const rebooted: string[] = [];
    aws.onRootVolumeReplaced((instance) => rebooted.push(instance.id));
    aws.replaceRootVolume(id);
    await clock.advance(60 * SECOND);
    expect(rebooted).toEqual([]);
    await complete(id);
    await clock.advance(SECOND);
    expect(rebooted).toEqual([id]);
  });

  test('that is abandoned ends the instance, and another takes its place', async () => {
    aws.addGroup({ name: GROUP, hook: { name: HOOK } });
    const id = aws.addInstance(GROUP);
    aws.replaceRootVolume(id);
    await clock.advance(SECOND);
    await complete(id, 'ABANDON');
    await clock.advance(SECOND);
    expect(aws.instances(GROUP).map(({ state }) => state)).toEqual(['Terminating', 'Pending']);
  });
});
