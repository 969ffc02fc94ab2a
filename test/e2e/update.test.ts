import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SWEEP } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

/** Three builders in the middle of their drains: one build ends soon, one later, one not before the deadline. */
const inTheMiddle = async () => {
  await start({ policy: { deadlineSeconds: 2 * 3600 } });
  const builders = [600, 3000, 4 * 3600].map((runSeconds) => {
    const builder = world.addBuilder();
    world.nomad.run({ id: `build-${runSeconds}`, type: 'batch', on: builder.nodeId, runSeconds });
    return builder;
  });
  await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
  await world.deliver();
  await world.sweepFor(5 * MINUTE);
  return builders;
};

const deadlines = (builders: { nodeId: string }[]) =>
  builders.map(({ nodeId }) => world.nomad.node(nodeId).DrainStrategy?.ForceDeadline);

describe('a stack that is updated in the middle of a drain', () => {
  it('has its new code take over every waiting instance, and none is drained twice', async () => {
    const builders = await inTheMiddle();
    const before = deadlines(builders);

    await world.redeploy({ deadlineSeconds: 2 * 3600 });
    await world.sweepFor(2 * MINUTE);
    expect(deadlines(builders)).toEqual(before);

    await world.sweepFor(3 * HOUR);
    const outcomes = builders.map(({ instanceId }) => world.outcome(instanceId));
    expect(outcomes).toEqual(['drained', 'drained', 'forced']);
    expect(world.aws.completions.map(({ by }) => by)).toEqual(['call', 'call', 'call']);
    expect(world.killedBuilds.map(({ jobId }) => jobId)).toEqual(['build-14400']);
    const drains = world.nomad.requests.filter(({ path, method }) => method === 'POST' && path.endsWith('/drain'));
    expect(drains).toHaveLength(3);
  });

  it('leaves the drains that are on their deadline, and gives the new one to those that begin', async () => {
    const builders = await inTheMiddle();
    const before = deadlines(builders);
    const later = world.addBuilder();
    world.nomad.run({ id: 'later', type: 'batch', on: later.nodeId, runSeconds: 4 * 3600 });

    await world.redeploy({ deadlineSeconds: 600 });
    await world.scaleIn(later.instanceId);
    await world.deliver();

    expect(deadlines(builders)).toEqual(before);
    expect(world.nomad.node(later.nodeId).DrainStrategy?.Deadline).toBe(600e9);
    await world.sweepFor(HOUR);
    // A shorter deadline kills nothing that had been given a longer one.
    expect(world.killedBuilds.map(({ jobId }) => jobId)).toEqual(['later']);
    expect(world.completion(builders[2]?.instanceId ?? '')).toBeUndefined();
  });

  it('lets an old environment finish its run beside the new one, and each instance is let go once', async () => {
    const builders = await inTheMiddle();
    const old = await world.environment();
    await world.redeploy({ deadlineSeconds: 2 * 3600 });
    for (let minute = 0; minute < 60; minute++) {
      const next = world.clock.now() + MINUTE;
      await Promise.all([world.wake(SWEEP, old), world.wake(SWEEP)]);
      await world.advance(next - world.clock.now());
    }
    const [first, second, third] = builders.map(({ instanceId }) => instanceId);
    expect(world.aws.completions.map(({ instanceId }) => instanceId)).toEqual([first, second]);
    expect(world.completion(third ?? '')).toBeUndefined();
    expect(world.killedBuilds).toEqual([]);
  });
});
