import { DeleteLifecycleHookCommand, PutLifecycleHookCommand } from '@aws-sdk/client-auto-scaling';
import { describe, expect, it } from 'vitest';
import { connect } from '../../emulators/aws/clients.ts';
import { autoScalingError } from '../../emulators/aws/services.ts';
import { MINUTE, STATUS, SWEEP } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const calls = (action: string) => world.aws.requests.filter((request) => request.action === action).length;

describe('more groups than Auto Scaling tells of in one call', () => {
  it('are served all the same, their warm pools too, with few calls at once', async () => {
    const names = Array.from({ length: 119 }, (_, index) => `runners-${index}`);
    await start({
      moreGroups: names.map((name, index) => ({ name, ...(index % 10 === 0 && { warmPool: { state: 'Running' } }) })),
    });
    const waiting = ['builders', ...names].map((group) => {
      const instanceId = world.aws.addInstance(group);
      world.nomad.addNode({ instanceId, address: world.aws.instance(instanceId).privateIp });
      world.aws.scaleIn(group, [instanceId]);
      return instanceId;
    });
    await world.advance(2_000);

    await world.wake(SWEEP);

    for (const instanceId of waiting) expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(world.aws.servers.autoScaling.mostConnections).toBeLessThanOrEqual(20);
  });
});

describe('heartbeats', () => {
  it('of a whole fleet are sent in a bounded number at once', async () => {
    await start({ heartbeatTimeoutSeconds: 180, policy: { deadlineSeconds: 3600 } });
    const builders = Array.from({ length: 200 }, () => world.addBuilder());
    for (const { nodeId } of builders) {
      world.nomad.run({ id: `b-${nodeId}`, type: 'batch', on: nodeId, runSeconds: 3600, cpu: 1 });
    }
    await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
    let atOnce = 0;
    let most = 0;
    world.aws.servers.autoScaling.fault = async (request) => {
      if (!request.body.includes('Action=RecordLifecycleActionHeartbeat')) return undefined;
      atOnce += 1;
      most = Math.max(most, atOnce);
      request.park();
      await world.clock.sleep(100);
      request.resume();
      atOnce -= 1;
      return undefined;
    };

    await world.sweepFor(3 * MINUTE);

    expect(new Set(world.aws.heartbeats.map(({ instanceId }) => instanceId)).size).toBe(200);
    expect(most).toBeLessThanOrEqual(8);
  });
});

/** Puts the hook of the group as it should be, or otherwise. */
const autoScaling = () => connect(world.aws).autoScaling;
const OURS = { AutoScalingGroupName: 'builders', LifecycleHookName: 'nomad-drain' };
const putHook = (transition: string) =>
  autoScaling().send(
    new PutLifecycleHookCommand({
      ...OURS,
      LifecycleTransition: transition,
      HeartbeatTimeout: 1800,
      DefaultResult: 'CONTINUE',
    }),
  );

describe('an installation that cannot work', () => {
  const cases: [what: string, group: object | undefined, more: string[], says: RegExp][] = [
    [
      'a group without our hook',
      { hooks: [{ name: 'another' }] },
      [],
      /group builders has no lifecycle hook nomad-drain: .*recreate it, or deploy with another hookName/,
    ],
    [
      'a hook for launches',
      { hooks: [{ name: 'nomad-drain', transition: 'autoscaling:EC2_INSTANCE_LAUNCHING' }] },
      [],
      /hook nomad-drain of group builders is for autoscaling:EC2_INSTANCE_LAUNCHING: .*change it to/,
    ],
    ['a group that does not exist', undefined, ['bilders'], /Auto Scaling has no group bilders: .*correct its name/],
  ];
  it.each(cases)('%s fails each sweep though nobody waits, and is named by status', async (_, group, more, says) => {
    await start({ ...(group && { group }), unknownGroups: more });

    for (let sweep = 0; sweep < 2; sweep++) await expect(world.wake(SWEEP)).rejects.toThrow(says);

    const status = await world.wake(STATUS);
    expect(status).toMatchObject({ instances: [], warnings: [expect.stringMatching(says)] });
  });

  it('is well again with the first sweep after it was mended, and is found out within ten minutes', async () => {
    await start();
    await world.wake(SWEEP);
    await autoScaling().send(new DeleteLifecycleHookCommand(OURS));
    await expect(world.sweepFor(11 * MINUTE)).rejects.toThrow('has no lifecycle hook');

    await putHook('autoscaling:EC2_INSTANCE_TERMINATING');
    await world.sweepFor(MINUTE);
  });

  it('is not read out of a refusal to answer, and neither is a good one', async () => {
    await start();
    world.aws.servers.autoScaling.fault = ({ body }) =>
      body.includes('Action=DescribeLifecycleHooks') ? autoScalingError('Throttling', 'Rate exceeded') : undefined;

    const report = await world.wake(SWEEP);

    expect(report.warnings).toEqual([
      'Auto Scaling does not say whether group builders has hook nomad-drain: Rate exceeded',
    ]);
  });

  it('costs few questions to find out', async () => {
    await start();
    await world.sweepFor(30 * MINUTE);
    expect(calls('DescribeLifecycleHooks')).toBeLessThanOrEqual(4);
  });
});
