import { afterEach, describe, expect, it } from 'vitest';
import { MINUTE, SECOND, STATUS, SWEEP, World, type WorldOptions } from './world.ts';

let world: World;
const start = async (options?: WorldOptions) => {
  world = await World.start(options);
  return world;
};
afterEach(() => world?.close());

describe('a group scales in', () => {
  it('lets an idle instance go at once, in the run of its event', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    await world.scaleIn(instanceId);

    const [report] = await world.deliver();

    expect(report?.instances).toMatchObject([{ instanceId, nodeId, action: 'complete', outcome: 'drained', remaining: [] }]);
    expect(world.completion(instanceId)).toMatchObject({ result: 'CONTINUE', by: 'call' });
  });

  it('keeps an instance until both of its builds have finished, and then lets it go within a sweep', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build-1', type: 'batch', on: nodeId, runSeconds: 90 });
    world.nomad.run({ id: 'build-2', type: 'batch', on: nodeId, runSeconds: 300 });
    await world.scaleIn(instanceId);

    const [report] = await world.deliver();
    expect(report?.instances).toMatchObject([{ instanceId, action: 'start-drain' }]);
    expect(report?.instances[0]?.remaining.map(({ job }) => job).sort()).toEqual(['build-1', 'build-2']);

    await world.sweepFor(3 * MINUTE);
    expect(world.completion(instanceId)).toBeUndefined();

    const finished = world.clock.now();
    await world.sweepFor(3 * MINUTE);
    expect(world.completion(instanceId)).toMatchObject({ result: 'CONTINUE', by: 'call' });
    expect(world.completion(instanceId)?.at).toBeGreaterThan(finished);
    expect(world.killedBuilds).toEqual([]);
  });
});

export { STATUS, SECOND, SWEEP };
