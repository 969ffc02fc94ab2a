import {
  CancelInstanceRefreshCommand,
  CompleteLifecycleActionCommand,
  DescribeInstanceRefreshesCommand,
  type RefreshPreferences,
  ResumeProcessesCommand,
  RollbackInstanceRefreshCommand,
  StartInstanceRefreshCommand,
  SuspendProcessesCommand,
} from '@aws-sdk/client-auto-scaling';
import { describe, expect, test } from 'vitest';
import type { GroupOptions } from '../../../emulators/aws/model.ts';
import { aws, clients, clock, eachInItsOwnAccount } from './account.ts';

const GROUP = 'builders';
const AutoScalingGroupName = GROUP;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const HOOK = { name: 'nomad-drain', heartbeatTimeoutSeconds: 7200, defaultResult: 'CONTINUE' as const };
const LAUNCHING = {
  name: 'nomad-ready',
  transition: 'autoscaling:EC2_INSTANCE_LAUNCHING' as const,
  heartbeatTimeoutSeconds: 900,
  defaultResult: 'ABANDON' as const,
};
/** As the command line rolls. */
const SURGE: RefreshPreferences = { MinHealthyPercentage: 100, MaxHealthyPercentage: 125, SkipMatching: true };

eachInItsOwnAccount();

/** A group whose instances are of a version of their launch template that is not the newest. */
function outdated(instances: number, group: Partial<GroupOptions> = {}): string[] {
  aws.addGroup({ name: GROUP, hook: HOOK, ...group });
  const ids = Array.from({ length: instances }, () => aws.addInstance(GROUP));
  aws.newTemplateVersion(GROUP);
  return ids;
}

const start = (Preferences: RefreshPreferences = SURGE, version?: string) =>
  clients.autoScaling.send(
    new StartInstanceRefreshCommand({
      AutoScalingGroupName,
      Preferences,
      ...(version && { DesiredConfiguration: { LaunchTemplate: { LaunchTemplateName: 't', Version: version } } }),
    }),
  );
const last = async () =>
  (await clients.autoScaling.send(new DescribeInstanceRefreshesCommand({ AutoScalingGroupName })))
    .InstanceRefreshes![0]!;
const states = () => aws.instances(GROUP).map(({ state }) => state);
const inState = (state: string) => aws.instances(GROUP).filter((each) => each.state === state);
const inService = () => inState('InService').length;
const versions = () => inState('InService').map(({ id }) => aws.templateVersion(id));
const refreshEvents = () =>
  aws.events
    .map((event) => event['detail-type'].replace('EC2 Auto Scaling Instance Refresh ', ''))
    .filter((type) => !/EC2/.test(type));

/** Lets the terminating hooks go, one after the other. @returns how few instances were in service at any time */
async function releaseEach(ms: number): Promise<number> {
  let fewest = inService();
  for (let passed = 0; passed < ms; passed += MINUTE) {
    const [oldest] = aws.waiting.filter(({ hook }) => hook.name === HOOK.name);
    if (oldest) await complete(oldest.instanceId, HOOK.name, 'CONTINUE');
    await clock.advance(MINUTE);
    fewest = Math.min(fewest, inService());
  }
  return fewest;
}

async function complete(InstanceId: string, LifecycleHookName: string, LifecycleActionResult: 'CONTINUE' | 'ABANDON') {
  const action = { AutoScalingGroupName, InstanceId, LifecycleHookName, LifecycleActionResult };
  await clients.autoScaling.send(new CompleteLifecycleActionCommand(action));
}

describe.each([true, false])('an instance refresh (that awaits terminations: %s)', (refreshAwaitsTermination) => {
  test('with a minimum of 100 % launches before it terminates, and is over when all are replaced', async () => {
    outdated(4, { refreshAwaitsTermination });
    await start();
    await clock.advance(22_000);
    expect(states().slice(0, 5)).toEqual(['Terminating:Wait', ...Array(4).fill('InService')]);
    expect(states()).toHaveLength(refreshAwaitsTermination ? 5 : 6);
    expect(await last()).toMatchObject(
      refreshAwaitsTermination
        ? { Status: 'InProgress', PercentageComplete: 25, InstancesToUpdate: 3 }
        : { Status: 'InProgress', PercentageComplete: 50, InstancesToUpdate: 2 },
    );
    expect(await releaseEach(30 * MINUTE)).toBe(4);
    expect(await last()).toMatchObject({ Status: 'Successful', PercentageComplete: 100, InstancesToUpdate: 0 });
    expect(versions()).toEqual([2, 2, 2, 2]);
    expect(refreshEvents()).toEqual(['Started', 'Succeeded']);
    expect(aws.desiredCapacity(GROUP)).toBe(4);
  });

  test('while a hook holds an instance for hours goes on with the next batch, or fails after an hour', async () => {
    outdated(4, { refreshAwaitsTermination });
    await start();
    await clock.advance(70 * MINUTE);
    // Nothing that was held has gone: the old one serves its hook.
    expect(inState('Terminating:Wait').length).toBe(refreshAwaitsTermination ? 1 : 4);
    expect(inService()).toBe(4);
    expect((await last()).Status).toBe(refreshAwaitsTermination ? 'Failed' : 'Successful');
    if (!refreshAwaitsTermination) return;
    // Started again it goes on where it was.
    await start();
    await releaseEach(30 * MINUTE);
    expect([(await last()).Status, versions()]).toEqual(['Successful', [2, 2, 2, 2]]);
  });
});

describe('an instance refresh', () => {
  test('that is given no maximum terminates and launches at the same time, down to its minimum', async () => {
    outdated(4, { hook: undefined as never, hooks: [] });
    await start({ MinHealthyPercentage: 50, SkipMatching: true });
    await clock.advance(10_000);
    expect(states().filter((state) => state === 'Terminating')).toHaveLength(2);
    expect(states().filter((state) => state === 'Pending')).toHaveLength(2);
    await clock.advance(5 * MINUTE);
    expect([(await last()).Status, versions()]).toEqual(['Successful', [2, 2, 2, 2]]);
  });

  test('counts a new instance when its warm-up has passed, after its launching hooks', async () => {
    outdated(1, { moreHooks: [LAUNCHING] });
    await start({ ...SURGE, InstanceWarmup: 300 });
    await clock.advance(2 * MINUTE);
    expect(states()).toEqual(['InService', 'Pending:Wait']);
    await complete(aws.instances(GROUP)[1]!.id, LAUNCHING.name, 'CONTINUE');
    await clock.advance(4 * MINUTE);
    expect(states()).toEqual(['InService', 'InService']);
    await clock.advance(2 * MINUTE);
    expect(states()).toEqual(['Terminating:Wait', 'InService']);
  });

  test('whose new instances are abandoned launches others, and fails after an hour with the old ones in service', async () => {
    const old = outdated(3, { moreHooks: [LAUNCHING] });
    await start();
    await clock.advance(59 * MINUTE);
    expect(aws.completions.filter(({ result }) => result === 'ABANDON').length).toBeGreaterThan(2);
    expect((await last()).Status).toBe('InProgress');
    await clock.advance(10 * MINUTE);
    expect(await last()).toMatchObject({ Status: 'Failed', StatusReason: expect.stringContaining('for an hour') });
    expect(inState('InService').map(({ id }) => id)).toEqual(old);
    await clock.advance(3 * HOUR);
    expect(aws.instances(GROUP).map(({ id, state }) => [id, state])).toEqual(old.map((id) => [id, 'InService']));
  });

  test('skips the instances that have the version already, and is over at once if all have', async () => {
    const [first] = outdated(2);
    aws.addInstance(GROUP);
    await start();
    await releaseEach(20 * MINUTE);
    expect(refreshEvents().at(-1)).toBe('Succeeded');
    expect(aws.completions).toHaveLength(2);
    expect(aws.completions[0]!.instanceId).toBe(first);
    await start();
    await clock.advance(MINUTE);
    expect([(await last()).Status, aws.completions.length]).toEqual(['Successful', 2]);
  });

  test('waits at a checkpoint until its delay is over, however long that is, and says so by an event', async () => {
    outdated(4);
    await start({ ...SURGE, CheckpointPercentages: [25, 100], CheckpointDelay: 2 * 3600 });
    await releaseEach(110 * MINUTE);
    expect(versions().toSorted()).toEqual([1, 1, 1, 2]);
    expect(refreshEvents()).toEqual(['Started', 'Checkpoint Reached']);
    await releaseEach(60 * MINUTE);
    expect([(await last()).Status, versions()]).toEqual(['Successful', [2, 2, 2, 2]]);
    expect(refreshEvents()).toEqual(['Started', 'Checkpoint Reached', 'Succeeded']);
  });

  test('leaves protected and standby instances, replaces them, or waits for them for an hour', async () => {
    const [locked, standby] = outdated(4);
    aws.protect(locked!);
    aws.standby(standby!);
    await clock.advance(MINUTE);
    await start({ ...SURGE, ScaleInProtectedInstances: 'Ignore', StandbyInstances: 'Ignore' });
    await releaseEach(20 * MINUTE);
    expect([(await last()).Status, versions()]).toEqual(['Successful', [1, 2, 2]]);
    expect(aws.instance(standby!).state).toBe('Standby');

    await start();
    await clock.advance(HOUR + MINUTE);
    expect(await last()).toMatchObject({ Status: 'Failed', StatusReason: expect.stringContaining('Standby') });
    expect(aws.instance(locked!).state).toBe('InService');

    await start({ ...SURGE, ScaleInProtectedInstances: 'Refresh', StandbyInstances: 'Terminate' });
    await releaseEach(20 * MINUTE);
    expect([(await last()).Status, versions()]).toEqual(['Successful', [2, 2, 2]]);
    expect(aws.instances(GROUP)).toHaveLength(3);
  });

  test('is paused by suspending its process, and fails if that lasts for an hour', async () => {
    outdated(4);
    const processes = { AutoScalingGroupName, ScalingProcesses: ['InstanceRefresh'] };
    await start();
    await clock.advance(22_000);
    await clients.autoScaling.send(new SuspendProcessesCommand(processes));
    await releaseEach(30 * MINUTE);
    expect([(await last()).Status, versions()]).toEqual(['InProgress', [1, 1, 1, 2]]);
    await clients.autoScaling.send(new ResumeProcessesCommand(processes));
    await releaseEach(MINUTE);
    await clients.autoScaling.send(new SuspendProcessesCommand(processes));
    await clock.advance(2 * HOUR);
    expect((await last()).Status).toBe('Failed');
  });

  test('is one at a time; cancelled it replaces no more, and waits for what is on its way or not', async () => {
    outdated(4);
    await start();
    await expect(start()).rejects.toThrow(expect.objectContaining({ name: 'InstanceRefreshInProgressFault' }));
    await clock.advance(22_000);
    await clients.autoScaling.send(new CancelInstanceRefreshCommand({ AutoScalingGroupName }));
    await clock.advance(5 * MINUTE);
    expect((await last()).Status).toBe('Cancelling');
    await releaseEach(5 * MINUTE);
    expect([(await last()).Status, versions()]).toEqual(['Cancelled', [1, 1, 1, 2]]);

    await start();
    await clock.advance(22_000);
    const atOnce = { AutoScalingGroupName, WaitForTransitioningInstances: false };
    await clients.autoScaling.send(new CancelInstanceRefreshCommand(atOnce));
    expect([(await last()).Status, states().includes('Terminating:Wait')]).toEqual(['Cancelled', true]);
    const cancel = clients.autoScaling.send(new CancelInstanceRefreshCommand(atOnce));
    await expect(cancel).rejects.toThrow(expect.objectContaining({ name: 'ActiveInstanceRefreshNotFoundFault' }));
  });

  test('is rolled back where it was given a version, by a call or by itself; the group then has its version as before', async () => {
    aws.addGroup({ name: GROUP, hook: HOOK });
    for (const _ of [1, 2, 3, 4]) aws.addInstance(GROUP);
    aws.newTemplateVersion(GROUP, { use: false });
    const rollback = () => clients.autoScaling.send(new RollbackInstanceRefreshCommand({ AutoScalingGroupName }));
    await start(SURGE, '2');
    await releaseEach(4 * MINUTE);
    expect(versions()).toContain(2);
    await rollback();
    expect((await last()).Status).toBe('RollbackInProgress');
    await releaseEach(20 * MINUTE);
    expect([(await last()).Status, versions()]).toEqual(['RollbackSuccessful', [1, 1, 1, 1]]);

    await start({ ...SURGE, AutoRollback: true }, '2');
    await clock.advance(HOUR + MINUTE);
    expect((await last()).Status).toBe('RollbackInProgress');
    await releaseEach(20 * MINUTE);
    expect([(await last()).Status, versions()]).toEqual(['RollbackSuccessful', [1, 1, 1, 1]]);

    await start();
    await expect(rollback()).rejects.toThrow(expect.objectContaining({ name: 'IrreversibleInstanceRefreshFault' }));
  });

  test('that AWS documents as refused is refused', async () => {
    outdated(2);
    for (const preferences of [
      { MaxHealthyPercentage: 110 },
      { MinHealthyPercentage: 50, MaxHealthyPercentage: 200 },
      { CheckpointPercentages: [50, 20] },
      { CheckpointDelay: 60 },
      { AutoRollback: true },
    ]) {
      await expect(start(preferences)).rejects.toThrow(expect.objectContaining({ name: 'ValidationError' }));
    }
    aws.addGroup({ name: 'by-attributes', attributeBased: true });
    const byAttributes = new StartInstanceRefreshCommand({
      AutoScalingGroupName: 'by-attributes',
      Preferences: { SkipMatching: true },
    });
    await expect(clients.autoScaling.send(byAttributes)).rejects.toThrow('Attribute-based');
  });

  test('asks the function that is the termination policy, and says that it is a refresh', async () => {
    const arn = 'arn:aws:lambda:us-east-1:123456789012:function:choose';
    const [, second] = outdated(3, { terminationPolicies: [arn] });
    aws.onTerminationPolicy(arn, async () => ({ InstanceIDs: [second] }));
    await start();
    await clock.advance(22_000);
    await clock.advance(1);
    expect(aws.asked[0]?.event.Cause).toBe('INSTANCE_REFRESH');
    expect(aws.asked[0]?.event.Instances).toHaveLength(3);
    await clock.advance(10_000);
    expect(inState('Terminating:Wait').map(({ id }) => id)).toEqual([second]);
  });
});
