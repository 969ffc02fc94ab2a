import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND, SWEEP } from '../../emulators/world/world.ts';
import { DEFAULT_DEADLINE, NomadAutoscaler } from './nomad-autoscaler.ts';
import { start, world } from './start.ts';

const drainRequests = (nodeId = '') =>
  world.nomad.requests.filter(({ path }) => path.endsWith(`${nodeId}/drain`)).length;

/** A builder with a build of so many seconds, and a system job. */
const addBusyBuilder = (runSeconds: number, stopSeconds = 5) => {
  const builder = world.addBuilder();
  const on = builder.nodeId;
  world.nomad.run({ id: 'build', type: 'batch', on, runSeconds });
  const [logs = ''] = world.nomad.run({ id: 'logs', type: 'system', on, stopSeconds, killTimeoutSeconds: 600 });
  return { ...builder, logs };
};

describe('a node that nomad-autoscaler has drained', () => {
  it.each([
    { its: false, ours: false },
    { its: false, ours: true },
    { its: true, ours: true },
  ])('is let go in the run of its event (system jobs ignored by it: $its, by us: $ours)', async ({ its, ours }) => {
    await start({ policy: { ignoreSystemJobs: ours } });
    const builder = addBusyBuilder(400);

    await new NomadAutoscaler(world, { ignoreSystemJobs: its }).scaleIn(builder);
    const [report] = await world.deliver();

    const { instanceId } = builder;
    expect(report?.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call', result: 'CONTINUE' });
    expect(drainRequests()).toBe(1);
    expect(world.killedBuilds).toEqual([]);
    expect(world.nomad.allocation(builder.logs).DesiredStatus).toBe(its ? 'run' : 'stop');
  });

  it('has the system jobs drained by us that it left running, where our policy waits for them', async () => {
    await start();
    const { logs, ...builder } = addBusyBuilder(400, 45);

    await new NomadAutoscaler(world, { ignoreSystemJobs: true }).scaleIn(builder);
    await world.deliver();
    await world.sweepFor(2 * MINUTE);

    expect(world.outcome(builder.instanceId)).toBe('drained');
    const stopped = world.nomad.allocation(logs);
    expect(stopped.ClientStatus).toBe('complete');
    expect(world.completion(builder.instanceId)?.at).toBeGreaterThanOrEqual(stopped.ModifyTime / 1e6);
    expect(drainRequests()).toBe(2);
    expect(world.killedBuilds).toEqual([]);
  });

  it('is no node any more, and its instance let go after the grace, where it purges the node while we still wait for a system job', async () => {
    await start();
    const { logs, ...builder } = addBusyBuilder(100, 400);

    await new NomadAutoscaler(world, { ignoreSystemJobs: true, purge: true }).scaleIn(builder);
    const terminatedAt = world.clock.now();
    await world.deliver();
    await world.sweepFor(5 * MINUTE);

    expect(world.outcome(builder.instanceId)).toBe('not-a-node');
    expect((world.completion(builder.instanceId)?.at ?? 0) - terminatedAt).toBeLessThan(400 * SECOND);
    expect(world.nomad.allocation(logs).ClientStatus).toBe('lost');
  });

  it('says that builds were killed, where they outlast its own deadline of 15 minutes', async () => {
    await start();
    const builder = addBusyBuilder(HOUR / 1000);

    await new NomadAutoscaler(world).scaleIn(builder);
    await world.deliver();

    expect(world.outcome(builder.instanceId)).toBe('forced');
    expect(world.killedBuilds).toHaveLength(1);
    expect(drainRequests()).toBe(1);
  });
});

describe('a drain of nomad-autoscaler that is still on when the instance has to go', () => {
  it('is waited for, keeps its deadline, and gets no second request', async () => {
    await start();
    const { instanceId, nodeId } = addBusyBuilder(10 * 60);
    await new NomadAutoscaler(world).drain(nodeId);
    const endsAt = world.clock.now() + DEFAULT_DEADLINE;

    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(8 * MINUTE);

    expect(world.completion(instanceId)).toBeUndefined();
    expect(Date.parse(world.nomad.node(nodeId).DrainStrategy?.ForceDeadline ?? '')).toBe(endsAt);
    await world.sweepFor(4 * MINUTE);
    expect(world.outcome(instanceId)).toBe('drained');
    expect(drainRequests()).toBe(1);
    expect(world.killedBuilds).toEqual([]);
  });

  it('is completed by us where it ignores system jobs and our policy waits for them', async () => {
    await start();
    const { instanceId, nodeId, logs } = addBusyBuilder(5 * 60, 20);
    await new NomadAutoscaler(world, { ignoreSystemJobs: true }).drain(nodeId);

    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(4 * MINUTE);
    expect(drainRequests()).toBe(1);
    await world.sweepFor(4 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.nomad.allocation(logs).ClientStatus).toBe('complete');
    expect(drainRequests()).toBe(2);
    expect(world.killedBuilds).toEqual([]);
  });
});

describe('a drain of ours', () => {
  it('that nomad-autoscaler takes over goes on with its deadline, and gets no second request from us', async () => {
    await start();
    const builder = addBusyBuilder(10 * 60);
    // Its group may be smaller by one more: nomad-autoscaler asks for that, too.
    world.addBuilder();
    await world.scaleIn(builder.instanceId);
    await world.deliver();
    await world.sweepFor(2 * MINUTE);

    const autoscaler = new NomadAutoscaler(world);
    await autoscaler.drain(builder.nodeId);
    await autoscaler.terminate(builder.instanceId);
    await world.wake(SWEEP);
    expect(world.completion(builder.instanceId)).toBeUndefined();
    await world.sweepFor(12 * MINUTE);

    expect(world.outcome(builder.instanceId)).toBe('drained');
    expect(world.completion(builder.instanceId)).toMatchObject({ by: 'call', result: 'CONTINUE' });
    expect(drainRequests(builder.nodeId)).toBe(2);
    expect(world.killedBuilds).toEqual([]);
  });
});
