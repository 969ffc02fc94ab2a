import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND, SWEEP } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

/** The longest that Auto Scaling holds an instance. */
const CAP = 48 * HOUR;
const HEARTBEAT_TIMEOUT = 7200;
const POLICY = { deadlineSeconds: 47 * 3600 };

/** A builder with an endless build has to go. Says since when. */
const scaleInForLong = async () => {
  await start({ heartbeatTimeoutSeconds: HEARTBEAT_TIMEOUT, policy: POLICY });
  const { instanceId, nodeId } = world.addBuilder();
  world.nomad.run({ id: 'endless', type: 'batch', on: nodeId });
  await world.scaleIn(instanceId);
  const since = world.clock.now();
  await world.deliver();
  return { instanceId, since };
};

/** Passes until the next sweep: one a minute, and one in ten minutes of the hours in which nothing happens but heartbeats. */
const passToNextSweep = async (since: number) => {
  const passed = world.clock.now() - since;
  const between = passed < 3 * HOUR || passed > 44 * HOUR ? MINUTE : 10 * MINUTE;
  await world.advance(between - (world.clock.now() % between));
  return between;
};

const gapsBetweenHeartbeats = (since: number) => {
  const times = [since, ...world.aws.heartbeats.map(({ at }) => at)];
  return times.slice(1).map((at, index) => at - (times[index] ?? 0));
};

describe('a drain of two days', { timeout: 240_000 }, () => {
  it('is held by three heartbeats a timeout and ends before Auto Scaling gives up', async () => {
    const { instanceId, since } = await scaleInForLong();

    while (world.clock.now() - since < CAP && !world.completion(instanceId)) {
      await passToNextSweep(since);
      await world.wake(SWEEP);
    }

    const completion = world.completion(instanceId);
    expect(completion).toMatchObject({ result: 'CONTINUE', by: 'call' });
    expect(world.outcome(instanceId)).toBe('forced');
    expect((completion?.at ?? 0) - since).toBeGreaterThanOrEqual(47 * HOUR);
    expect((completion?.at ?? 0) - since).toBeLessThan(CAP);
    const slots = (47 * 3600) / (HEARTBEAT_TIMEOUT / 3);
    expect(world.aws.heartbeats.length).toBeGreaterThanOrEqual(Math.floor(slots));
    expect(world.aws.heartbeats.length).toBeLessThanOrEqual(Math.ceil(slots) + 1);
    expect(Math.max(...gapsBetweenHeartbeats(since))).toBeLessThan(HEARTBEAT_TIMEOUT * SECOND);
  });

  it('ends in time though the clock jumps and one sweep in four never comes', async () => {
    const { instanceId, since } = await scaleInForLong();

    for (let sweep = 0; world.clock.now() - since < CAP && !world.completion(instanceId); sweep++) {
      const between = await passToNextSweep(since);
      // A quarter of an hour forward five times, and ten seconds back in between.
      if (sweep % 120 === 50) world.clock.jump(15 * MINUTE);
      if (sweep % 120 === 100) world.clock.jump(-10 * SECOND);
      // Every fourth, and now and then the five of five minutes.
      if (sweep % 4 === 3 || (between === MINUTE && sweep % 100 < 5)) continue;
      await world.wake(SWEEP);
    }

    const completion = world.completion(instanceId);
    expect(completion).toMatchObject({ result: 'CONTINUE', by: 'call' });
    expect((completion?.at ?? 0) - since).toBeGreaterThanOrEqual(47 * HOUR);
    expect((completion?.at ?? 0) - since).toBeLessThan(CAP);
    expect(Math.max(...gapsBetweenHeartbeats(since))).toBeLessThan(HEARTBEAT_TIMEOUT * SECOND);
  });
});
