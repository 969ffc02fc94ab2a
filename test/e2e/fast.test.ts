import { describe, expect, it } from 'vitest';
import { start, world } from './start.ts';
import { SECOND } from './world.ts';

describe('an event', () => {
  it('of an idle instance lets it go within 200 ms', async () => {
    await start();
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    const delivered = world.clock.now();

    await world.deliver();

    expect((world.completion(instanceId)?.at ?? 0) - delivered).toBeLessThanOrEqual(200);
  });

  it('of an instance with a build costs a few questions, and no more where its run lasts', async () => {
    await start();
    const { nodeId, instanceId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 600 });
    await world.scaleIn(instanceId);
    const delivered = world.clock.now();
    const before = world.nomad.requests.length;

    await world.deliver();

    const inFirstSecond = world.nomad.requests.slice(before).filter(({ at }) => at < delivered + SECOND);
    expect(inFirstSecond.length).toBeLessThanOrEqual(12);
    expect(world.nomad.requests.length - before).toBeLessThanOrEqual(15);
  });
});
