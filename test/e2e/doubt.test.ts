import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND, SWEEP } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

/** What an operator, or another tool, asks of Nomad. */
const operate = (nodeId: string, path: string, body: object) =>
  fetch(`${world.nomad.url}/v1/node/${nodeId}/${path}`, { method: 'POST', body: JSON.stringify(body) });

describe('Nomad that does not answer', () => {
  it('releases nobody within the deadline that a late drain was given', async () => {
    await start({ policy: { deadlineSeconds: 120, killMarginSeconds: 60 } });
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 400 });
    world.nomad.server.fault = () => 'hang-up';
    await world.scaleIn(instanceId);
    await world.sweepOnFor(4 * MINUTE);
    world.nomad.server.fault = undefined;
    await world.sweepFor(MINUTE);
    const { ForceDeadline } = world.nomad.node(nodeId).DrainStrategy ?? {};
    world.nomad.server.fault = () => 'hang-up';
    await world.sweepOnFor(MINUTE);
    world.nomad.server.fault = undefined;

    expect(world.clock.now()).toBeLessThan(Date.parse(ForceDeadline ?? ''));
    expect(world.completion(instanceId)).toBeUndefined();
    await world.sweepFor(5 * MINUTE);
    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  it("is waited for until the last sweep before Auto Scaling's own cap, and then the policy holds", async () => {
    await start({ heartbeatTimeoutSeconds: 180, policy: { deadlineSeconds: 600 } });
    const { instanceId } = world.addBuilder();
    world.nomad.server.fault = () => 'hang-up';
    await world.scaleIn(instanceId);
    const since = world.clock.now();

    await world.sweepOnFor(5 * HOUR + MINUTE);

    expect(world.outcome(instanceId)).toBe('timed-out');
    const { at = 0, by } = world.completion(instanceId) ?? {};
    expect(by).toBe('call');
    expect(at - since).toBeGreaterThan(5 * HOUR - 3 * MINUTE);
  });
});

describe('an operator', () => {
  it('who gives a drain a later deadline is followed', async () => {
    await start({ policy: { deadlineSeconds: 600, killMarginSeconds: 60 } });
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 3000 });
    await world.scaleIn(instanceId);
    await world.sweepFor(2 * MINUTE);
    await operate(nodeId, 'drain', { DrainSpec: { Deadline: 2 * HOUR * 1e6 } });

    await world.sweepFor(HOUR);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  it('who gives a drain a later deadline is followed, also by the sweep in which ours comes, without any margin', async () => {
    await start({ policy: { deadlineSeconds: 90, killMarginSeconds: 0 } });
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 600 });
    await world.scaleIn(instanceId);
    await world.sweepFor(MINUTE);
    await operate(nodeId, 'drain', { DrainSpec: { Deadline: 2 * HOUR * 1e6 } });

    await world.sweepFor(12 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  it('who gives a drain a later deadline is followed as far as the hook can hold it', async () => {
    await start({ heartbeatTimeoutSeconds: 180, policy: { deadlineSeconds: 600, killMarginSeconds: 300 } });
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 20 * 3600 });
    await world.scaleIn(instanceId);
    const since = world.clock.now();
    await world.sweepFor(2 * MINUTE);
    await operate(nodeId, 'drain', { DrainSpec: { Deadline: 10 * HOUR * 1e6 } });

    await world.sweepFor(5 * HOUR);

    expect(world.outcome(instanceId)).toBe('forced');
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect((world.completion(instanceId)?.at ?? 0) - since).toBeGreaterThan(5 * HOUR - 7 * MINUTE);
  });

  it('who makes a returned node ineligible again is not overruled', async () => {
    await start({ group: { warmPool: { reuse: true, state: 'Running' } } });
    const { instanceId, nodeId } = world.addBuilder();
    await world.scaleIn(instanceId);
    await world.sweepFor(3 * MINUTE);
    world.aws.startFromWarmPool(instanceId);
    await world.sweepFor(2 * MINUTE);
    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('eligible');

    await operate(nodeId, 'eligibility', { Eligibility: 'ineligible' });
    await world.sweepFor(5 * MINUTE);

    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('ineligible');
  });

  it('who touches a node while its instance is in the warm pool is not overruled', async () => {
    await start({ group: { warmPool: { reuse: true, state: 'Running' } } });
    const { instanceId, nodeId } = world.addBuilder();
    await world.scaleIn(instanceId);
    await world.sweepFor(3 * MINUTE);
    await operate(nodeId, 'eligibility', { Eligibility: 'eligible' });
    await operate(nodeId, 'eligibility', { Eligibility: 'ineligible' });
    world.aws.startFromWarmPool(instanceId);

    await world.sweepFor(5 * MINUTE);

    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('ineligible');
  });
});

it('a node that cannot be given back does not keep the others', async () => {
  await start({ group: { warmPool: { reuse: true, state: 'Running' } } });
  const builders = [world.addBuilder(), world.addBuilder(), world.addBuilder()];
  await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
  await world.sweepFor(3 * MINUTE);
  for (const { instanceId } of builders) world.aws.startFromWarmPool(instanceId);
  const [sick] = builders;
  world.nomad.server.fault = ({ url }) =>
    url.pathname.includes(sick?.nodeId ?? '') ? { status: 500, body: 'sick' } : undefined;

  await world.sweepFor(2 * MINUTE);

  const eligibility = builders.map(({ nodeId }) => world.nomad.node(nodeId).SchedulingEligibility);
  expect(eligibility).toEqual(['ineligible', 'eligible', 'eligible']);
});

describe('a drain that is complete, and has left something alone', () => {
  it('is begun anew where another tool ignored system jobs: the idle node goes at once', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'logs', type: 'system', on: nodeId });
    await operate(nodeId, 'drain', { DrainSpec: { Deadline: HOUR * 1e6, IgnoreSystemJobs: true } });
    await world.advance(10 * MINUTE);
    await world.scaleIn(instanceId);

    await world.wake(SWEEP);

    expect(world.outcome(instanceId)).toBe('drained');
  });

  it('is begun anew where the node was made eligible since, longer ago than its events tell', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.addBuilder();
    await operate(nodeId, 'drain', { DrainSpec: { Deadline: HOUR * 1e6 } });
    await world.advance(10 * SECOND);
    await operate(nodeId, 'eligibility', { Eligibility: 'eligible' });
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 3600 });
    for (let turn = 0; turn < 6; turn++) {
      await operate(nodeId, 'eligibility', { Eligibility: 'ineligible' });
      await operate(nodeId, 'eligibility', { Eligibility: 'eligible' });
    }
    await operate(nodeId, 'eligibility', { Eligibility: 'ineligible' });
    await world.scaleIn(instanceId);

    await world.sweepFor(2 * MINUTE);
    expect(world.nomad.node(nodeId).Drain).toBe(true);
    await world.sweepFor(HOUR);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });
});
