import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  drainDeadlineSeconds,
  globalCapSeconds,
  heartbeatIntervalMs,
  hookHolds,
  lapsesBeforeSweep,
  limits,
  reserveSeconds,
  SWEEP_SECONDS,
} from '../../lambda/core/decide/deadlines.ts';
import { nextPassMs, placeInPass, whileStoppingMs } from '../../lambda/core/drain/polling.ts';
import { DEFAULT_POLICY } from '../../lambda/core/model/policy.ts';

const START = Date.parse('2026-03-01T09:00:00Z');
const MINUTE = 60_000;

const heartbeatTimeout = fc.integer({ min: 30, max: 7200 });
const policy = fc.record({
  deadlineSeconds: fc.integer({ min: 1, max: 172_800 }),
  killMarginSeconds: fc.integer({ min: 0, max: 7200 }),
  graceSeconds: fc.constant(120),
  ignoreSystemJobs: fc.constant(false),
  onTimeout: fc.constant('CONTINUE' as const),
  jobMeta: fc.constant(false),
});
const holding = fc.tuple(policy, heartbeatTimeout).filter(([each, timeout]) => hookHolds(each, timeout));

describe("the hook's cap", () => {
  it('is a hundred heartbeat timeouts, and 48 hours at the most', () => {
    expect(globalCapSeconds(30)).toBe(3_000);
    expect(globalCapSeconds(1_728)).toBe(172_800);
    expect(globalCapSeconds(7_200)).toBe(172_800);
  });

  it('holds the default policy from a heartbeat timeout of four minutes on', () => {
    expect(hookHolds(DEFAULT_POLICY, 221)).toBe(false);
    expect(hookHolds(DEFAULT_POLICY, 222)).toBe(true);
  });

  it('leaves the kill margin after the drain deadline, and never less than a sweep before the last', () => {
    expect(reserveSeconds({ ...DEFAULT_POLICY, killMarginSeconds: 300 })).toBe(300);
    expect(reserveSeconds({ ...DEFAULT_POLICY, killMarginSeconds: 5 })).toBe(150);
  });
});

describe('the drain deadline', () => {
  it('is what the policy says, wherever the hook holds that, for every hook and policy', () => {
    fc.assert(
      fc.property(holding, ([each, timeout]) => {
        expect(drainDeadlineSeconds(START, START, timeout, each)).toBe(each.deadlineSeconds);
      }),
    );
  });

  it('never reaches into the reserve before the cap, however late the drain starts', () => {
    fc.assert(
      fc.property(policy, heartbeatTimeout, fc.integer({ min: 0, max: 200_000 }), (each, timeout, late) => {
        const deadline = late + drainDeadlineSeconds(START, START + late * 1000, timeout, each);
        expect(deadline).toBeLessThanOrEqual(globalCapSeconds(timeout) - reserveSeconds(each));
      }),
    );
  });
});

describe('the time for a waiting instance', () => {
  it('ends a sweep and half a minute before the cap at the latest, for every hook, policy and drain', () => {
    const moment = fc.option(fc.integer({ min: 0, max: 400_000 }), { nil: undefined });
    fc.assert(
      fc.property(policy, heartbeatTimeout, moment, moment, (each, timeout, deadline, forced) => {
        const drain = {
          ...(deadline !== undefined && { deadlineAt: START + deadline * 1000 }),
          ...(forced !== undefined && { forcedAt: START + forced * 1000 }),
        };
        const { forceAt, giveUpAt, lastAt } = limits(START, timeout, each, drain);
        const capAt = START + globalCapSeconds(timeout) * 1000;
        expect(lastAt).toBe(capAt - (SWEEP_SECONDS + 30) * 1000);
        expect(giveUpAt).toBeLessThanOrEqual(lastAt);
        expect(forceAt).toBeLessThanOrEqual(lastAt - SWEEP_SECONDS * 1000);
      }),
    );
  });

  it('gives the kill margin after the deadline and again after the force, wherever the hook holds the policy', () => {
    fc.assert(
      fc.property(holding, ([each, timeout]) => {
        const { forceAt, giveUpAt } = limits(START, timeout, each);
        expect(forceAt).toBe(START + (each.deadlineSeconds + each.killMarginSeconds) * 1000);
        if (each.killMarginSeconds >= SWEEP_SECONDS) return;
        expect(giveUpAt).toBe(forceAt + each.killMarginSeconds * 1000);
      }),
    );
  });
});

describe('the next look', () => {
  it('comes after two seconds at a young drain, after a twentieth of its age, and after a minute at an old one', () => {
    expect(nextPassMs(0)).toBe(2_000);
    expect(nextPassMs(5 * MINUTE)).toBe(15_000);
    expect(nextPassMs(24 * 60 * MINUTE)).toBe(MINUTE);
  });
});

describe('the next pass while tasks stop', () => {
  it('comes after a second, after a twentieth of the time since the drain completed, and at most after five', () => {
    expect(whileStoppingMs(0)).toBe(1_000);
    expect(whileStoppingMs(MINUTE)).toBe(3_000);
    expect(whileStoppingMs(24 * 60 * MINUTE)).toBe(5_000);
  });
});

describe('the order of a look', () => {
  const ids = Array.from({ length: 30 }, (_, index) => `i-${String(index).padStart(17, '0')}`);
  const order = (now: number) => ids.toSorted((one, other) => placeInPass(one, now) - placeInPass(other, now));

  it('stays the same for a minute, and then puts others last', () => {
    expect(order(START + 59_999)).toEqual(order(START));
    const last = Array.from({ length: 60 }, (_, minute) => order(START + minute * MINUTE).at(-1));
    expect(new Set(last).size).toBeGreaterThan(10);
  });
});

describe('heartbeats', () => {
  it('are three per timeout', () => {
    expect(heartbeatIntervalMs(1800)).toBe(10 * MINUTE);
  });

  it('cannot wait for the next sweep where the timeout is shorter than two minutes', () => {
    expect(lapsesBeforeSweep(30)).toBe(true);
    expect(lapsesBeforeSweep(119)).toBe(true);
    expect(lapsesBeforeSweep(120)).toBe(false);
  });
});
