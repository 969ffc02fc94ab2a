import { describe, expect, it } from 'vitest';
import type { JobSpec } from '../../emulators/nomad/scheduler/jobs.ts';
import { HOUR, MINUTE, STATUS, type WorldOptions } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const build = (nodeId: string, more: Partial<JobSpec> = {}) =>
  world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 900, ...more });

/** What Nomad keeps as `unknown` on a node that is down, or disconnected. */
const kept: [string, WorldOptions['version'], Partial<JobSpec>][] = [
  ['prevent_reschedule_on_lost', '1.8.4', { preventRescheduleOnLost: true }],
  ['disconnect { replace = false }', '1.8.4', { replaceAway: false }],
  ['disconnect { lost_after = "1h" }', '2.0.6', { lostAfterSeconds: 3600 }],
];

describe('a build whose Nomad agent is away', () => {
  it.each(kept)('before its drain is kept, with %s on %s, and finishes', async (_, version, job) => {
    await start({ version });
    const { instanceId, nodeId } = world.addBuilder();
    build(nodeId, job);
    world.nomad.stopClient(nodeId);
    await world.advance(MINUTE);
    await world.scaleIn(instanceId);

    await world.sweepFor(5 * MINUTE);
    expect(world.completion(instanceId)).toBeUndefined();
    world.nomad.startClient(nodeId);
    await world.sweepFor(20 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  it.each(kept)('in the middle of its drain is kept, with %s on %s, and finishes', async (_, version, job) => {
    await start({ version });
    const { instanceId, nodeId } = world.addBuilder();
    build(nodeId, job);
    await world.scaleIn(instanceId);
    await world.sweepFor(MINUTE);
    world.nomad.stopClient(nodeId);

    await world.sweepFor(5 * MINUTE);
    expect(world.completion(instanceId)).toBeUndefined();
    world.nomad.startClient(nodeId);
    await world.sweepFor(20 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  it('is told to a person, and waited for until the deadline and its margins where the agent does not come back', async () => {
    await start({ version: '1.8.4', policy: { deadlineSeconds: 1800, killMarginSeconds: 120 } });
    const { instanceId, nodeId } = world.addBuilder();
    build(nodeId, { runSeconds: 20 * 3600, preventRescheduleOnLost: true });
    await world.scaleIn(instanceId);
    const since = world.clock.now();
    await world.sweepFor(MINUTE);
    world.nomad.stopClient(nodeId);
    await world.sweepFor(5 * MINUTE);

    const [waiting] = (await world.wake(STATUS)).instances;
    expect(waiting?.stuck).toContain('its Nomad agent has to come back');
    expect(world.told.map((event) => event['detail-type'])).toContain('Nomad Drain Stuck');
    await world.sweepFor(HOUR);

    expect(world.outcome(instanceId)).toBe('timed-out');
    expect((world.completion(instanceId)?.at ?? 0) - since).toBeGreaterThanOrEqual(30 * MINUTE);
  });

  it('is lost where Nomad itself gives it up, and the instance goes', async () => {
    await start({ version: '2.0.6' });
    const { instanceId, nodeId } = world.addBuilder();
    build(nodeId, { preventRescheduleOnLost: true });
    await world.scaleIn(instanceId);
    await world.sweepFor(MINUTE);
    world.nomad.stopClient(nodeId);

    await world.sweepFor(5 * MINUTE);

    expect(world.outcome(instanceId)).toBe('node-lost');
  });

  it('does not hold an instance that EC2 has ended', async () => {
    await start({ version: '1.8.4' });
    const { instanceId, nodeId } = world.addBuilder();
    build(nodeId, { preventRescheduleOnLost: true });
    await world.scaleIn(instanceId);
    await world.sweepFor(MINUTE);
    world.aws.terminate(instanceId);

    await world.sweepFor(2 * MINUTE);

    expect(world.aws.waiting).toEqual([]);
  });
});

describe('an agent that comes back under a new identity', () => {
  it('in the middle of a drain is drained too, and its new build finishes', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    build(nodeId);
    await world.scaleIn(instanceId);
    await world.sweepFor(MINUTE);
    const anew = world.newIdentity(instanceId);
    world.nomad.run({ id: 'new', type: 'batch', on: anew, runSeconds: 600 });

    await world.sweepFor(2 * MINUTE);
    expect(world.nomad.node(anew)).toMatchObject({ Drain: true, LastDrain: { Meta: { aws_instance_id: instanceId } } });
    await world.sweepFor(12 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  it('in the same sweep that saw the old one is looked for before the instance is released', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    const [allocation = ''] = build(nodeId);
    await world.scaleIn(instanceId);
    await world.sweepFor(MINUTE);
    const anew = world.newIdentity(instanceId);
    world.nomad.run({ id: 'new', type: 'batch', on: anew, runSeconds: 300 });
    expect(world.nomad.allocation(allocation).ClientStatus).toBe('running');

    await world.sweepFor(MINUTE);

    expect(world.completion(instanceId)).toBeUndefined();
    await world.sweepFor(10 * MINUTE);
    expect(world.killedBuilds).toEqual([]);
  });

  it('before the instance has to go leaves two nodes of it, and the one that lives is drained', async () => {
    await start();
    const { instanceId } = world.addBuilder();
    const anew = world.newIdentity(instanceId);
    world.nomad.run({ id: 'new', type: 'batch', on: anew, runSeconds: 300 });
    await world.advance(5 * MINUTE);
    await world.scaleIn(instanceId);

    await world.sweepFor(10 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  it('beside an old one that still answers is drained with it, and the instance goes when both are empty', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    const twin = world.nomad.addNode({ instanceId });
    build(nodeId, { runSeconds: 120 });
    world.nomad.run({ id: 'other', type: 'batch', on: twin.id, runSeconds: 400 });
    await world.scaleIn(instanceId);

    await world.sweepFor(2 * MINUTE);
    for (const id of [nodeId, twin.id]) expect(world.nomad.node(id).SchedulingEligibility).toBe('ineligible');
    await world.sweepFor(8 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });
});
