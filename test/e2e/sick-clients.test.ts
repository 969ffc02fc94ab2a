import { describe, expect, it } from 'vitest';
import { silent, throttled } from '../../emulators/aws/faults.ts';
import { FUNCTION_ARN, MINUTE, SECOND, STATUS, type WorldOptions } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

/** This many builders, each on an instance of its own, asked through their clients; the last one leaves. */
async function startLeaving(count: number, options: WorldOptions = {}) {
  await start({ clients: {}, ...options });
  const builders = Array.from({ length: count }, () => world.addBuilder());
  const leaving = builders.at(-1);
  if (!leaving) throw new Error('no builders');
  return { builders, leaving };
}

/** The function says who goes, for any group. */
const CHOOSES = {
  clients: {},
  anyGroup: true,
  group: { terminationPolicies: [FUNCTION_ARN, 'Default'] },
  chooses: { on: true },
};

const outOfReach = ({ instanceId }: { instanceId: string }) => world.cutOff(instanceId);
const withoutAgent = ({ nodeId }: { nodeId: string }) => world.nomad.stopClient(nodeId);

describe('where many clients of a group do not answer', () => {
  it.each([
    ['are out of reach', outOfReach],
    ['have no agent', withoutAgent],
  ])('and all that are asked first %s, others are asked soon', async (_, hurt) => {
    const { builders, leaving } = await startLeaving(20);
    builders.slice(0, 16).forEach(hurt);
    await world.scaleIn(leaving.instanceId);
    await world.deliver().catch(() => {});
    await world.sweepOnFor(3 * MINUTE);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
  });

  it('and only waiting instances have a sound one, as after a roll-out of a broken image, those are asked', async () => {
    const { builders, leaving } = await startLeaving(11);
    builders.slice(0, 9).forEach(withoutAgent);
    const waiting = builders.slice(9);
    for (const { nodeId } of waiting)
      world.nomad.run({ id: `build-${nodeId}`, type: 'batch', on: nodeId, runSeconds: 300 });
    await world.scaleIn(...waiting.map(({ instanceId }) => instanceId));
    await world.deliver().catch(() => {});
    await world.sweepOnFor(9 * MINUTE);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  it('an event drains its instance all the same: the next client is asked at once', async () => {
    const { builders, leaving } = await startLeaving(8);
    builders.slice(0, 6).forEach(outOfReach);
    await world.scaleIn(leaving.instanceId);
    const began = world.clock.now();
    await world.deliver();
    expect(world.clock.now() - began).toBeLessThanOrEqual(5 * SECOND);
    expect(world.nomad.node(leaving.nodeId).LastDrain).not.toBeNull();
  });
});

it('a throttled warm pool is not read while the group has clients to ask: idle instances go first all the same', async () => {
  await start({ ...CHOOSES, group: { ...CHOOSES.group, warmPool: {} } });
  const builders = Array.from({ length: 3 }, () => world.addBuilder());
  for (const { nodeId } of builders.slice(0, 2))
    world.nomad.run({ id: `build-${nodeId}`, type: 'batch', on: nodeId, runSeconds: 600 });
  world.aws.servers.autoScaling.fault = throttled({ action: 'DescribeWarmPool' });
  await world.shrink(1);
  expect(world.aws.waiting.map(({ instanceId }) => instanceId)).toEqual([builders[2]?.instanceId]);
});

it('of 151 groups those that Auto Scaling lists are enough to ask', async () => {
  const moreGroups = Array.from({ length: 150 }, (_, index) => ({ name: `group-${index}` }));
  const { leaving } = await startLeaving(3, { moreGroups });
  world.aws.servers.autoScaling.fault = throttled({ action: 'DescribeAutoScalingGroups', group: 'group-140' });
  await world.scaleIn(leaving.instanceId);
  await world.deliver();
  expect(world.nomad.node(leaving.nodeId).LastDrain).not.toBeNull();
});

it('while Auto Scaling is silent, each run ends in time and releases nothing', async () => {
  const { leaving } = await startLeaving(3);
  world.nomad.run({ id: 'build', type: 'batch', on: leaving.nodeId, runSeconds: 300 });
  await world.scaleIn(leaving.instanceId);
  await world.deliver();
  world.clock.after(75 * SECOND, () => {
    world.aws.servers.autoScaling.fault = silent({ action: 'DescribeAutoScalingGroups' });
  });
  await world.sweepOnFor(3 * MINUTE);
  expect(world.completion(leaving.instanceId)).toBeUndefined();
  world.aws.servers.autoScaling.fault = undefined;
  await world.sweepFor(5 * MINUTE);
  expect(world.outcome(leaving.instanceId)).toBe('drained');
});

it('a client that shuts down does not count for status and doctor: they name the one that has answered, or none', async () => {
  const { builders } = await startLeaving(2);
  const [first, second] = builders;
  world.nomad.clientAgents.shutDown(first?.nodeId ?? '');
  const { findings } = await world.ask<'doctor'>({ command: 'doctor' });
  expect(findings.find(({ id }) => id === 'nomad')?.what).toContain(
    `Nomad answers through the Nomad client of ${second?.instanceId} (`,
  );
  world.nomad.clientAgents.shutDown(second?.nodeId ?? '');
  expect(await world.wake(STATUS)).not.toHaveProperty('through');
});

it('a function that no group has asked yet is made ready without a warning', async () => {
  await startLeaving(1, CHOOSES);
  expect(await world.wake({ command: 'warm' })).toEqual({ run: 'warm', instances: [], warnings: [] });
  expect(world.log.filter(({ level }) => level !== 'info')).toEqual([]);
});
