import { describe, expect, it } from 'vitest';
import { MINUTE, SWEEP } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

describe('a drain, until nothing is left of the node', () => {
  it('waits for the killed build to stop when the drain deadline has come', async () => {
    await start({ policy: { deadlineSeconds: 120, killMarginSeconds: 60 } });
    const { instanceId, nodeId } = world.addBuilder();
    const [build = ''] = world.nomad.run({
      id: 'endless',
      type: 'batch',
      on: nodeId,
      stopSeconds: 30,
      killTimeoutSeconds: 40,
    });
    await world.scaleIn(instanceId);
    await world.deliver();

    await world.sweepFor(3 * MINUTE);

    expect(world.outcome(instanceId)).toBe('forced');
    expect(world.nomad.killed()).toMatchObject([{ allocationId: build }]);
    expect(world.completion(instanceId)?.at).toBeGreaterThanOrEqual(
      world.nomad.killed()[0]?.at ?? Number.POSITIVE_INFINITY,
    );
  });

  it('waits for a replacement that still copies its disk from the drained node', async () => {
    await start();
    const leaving = world.addBuilder();
    world.nomad.run({ id: 'cache', type: 'service', migrateDisk: { copySeconds: 300 }, minHealthySeconds: 1 });
    world.addBuilder();
    await world.scaleIn(leaving.instanceId);

    await world.deliver();
    await world.sweepFor(MINUTE);
    expect(world.nomad.node(leaving.nodeId).LastDrain?.Status).toBe('complete');
    expect(world.completion(leaving.instanceId)).toBeUndefined();

    await world.sweepFor(6 * MINUTE);
    expect(world.completion(leaving.instanceId)).toMatchObject({ by: 'call' });
    expect(world.nomad.lostDisks()).toEqual([]);
  });

  it('lets an instance go whose sysbatch job has ended, though Nomad keeps the node draining', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'nightly', type: 'sysbatch', on: nodeId, runSeconds: 150 });
    await world.scaleIn(instanceId);
    await world.deliver();

    await world.sweepFor(MINUTE);
    expect(world.completion(instanceId)).toBeUndefined();
    await world.sweepFor(2 * MINUTE);

    expect(world.nomad.node(nodeId).Drain).toBe(true);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(world.killedBuilds).toEqual([]);
  });

  it('has the system jobs stopped that Nomad overlooks when a sysbatch job was the last to end', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'nightly', type: 'sysbatch', on: nodeId, runSeconds: 90 });
    const [logs = ''] = world.nomad.run({ id: 'logs', type: 'system', on: nodeId });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(4 * MINUTE);

    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(world.nomad.allocation(logs)).toMatchObject({ ClientStatus: 'complete', DesiredStatus: 'stop' });
    expect(world.killedBuilds).toEqual([]);
    const [, renewal] = world.log.filter(({ action }) => action === 'start-drain');
    expect(renewal).toMatchObject({ message: 'drain renewed', order: { how: 'renew' } });
  });

  it('drains again when an operator cancels the drain of an instance that has to go', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 200 });
    await world.scaleIn(instanceId);
    await world.deliver();
    await fetch(`${world.nomad.url}/v1/node/${nodeId}/drain`, {
      method: 'POST',
      body: JSON.stringify({ DrainSpec: null, MarkEligible: true }),
    });
    expect(world.nomad.node(nodeId).SchedulingEligibility).toBe('eligible');

    await world.sweepFor(MINUTE);
    expect(world.nomad.node(nodeId).Drain).toBe(true);

    await world.sweepFor(4 * MINUTE);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(world.killedBuilds).toEqual([]);
  });

  it('lets an instance go whose node dies while it drains', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 2 * 3600 });
    await world.scaleIn(instanceId);
    await world.deliver();
    world.nomad.killInstance(nodeId);

    await world.sweepFor(2 * MINUTE);

    expect(world.outcome(instanceId)).toBe('node-lost');
  });

  it('lets an instance go that EC2 has ended already', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 2 * 3600 });
    world.aws.terminate(instanceId);
    await world.advance(3 * MINUTE);

    const report = await world.wake(SWEEP);

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'instance-gone' }]);
  });
});
