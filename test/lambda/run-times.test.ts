import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { allWithin, chanceAnyLonger, Rest, type RunTime, RunTimes } from '../../lambda/core/scale-in/durations.ts';

const MINUTE = 60_000;

const took = (...minutes: number[]): RunTime[] => minutes.map((each) => ({ ms: each * MINUTE, ended: true }));
const lasted = (...minutes: number[]): RunTime[] => minutes.map((each) => ({ ms: each * MINUTE, ended: false }));
const timesOf = (...runs: RunTime[][]) => new RunTimes(runs.flat());
const minutes = (ms: number | undefined) => (ms === undefined ? undefined : ms / MINUTE);

describe('how long builds take', () => {
  it('is counted, where all have ended', () => {
    const times = timesOf(took(40, 10, 20, 30));
    expect(minutes(times.within(0.5))).toBe(20);
    expect(minutes(times.within(0.75))).toBe(30);
    expect(minutes(times.within(0.95))).toBe(40);
    expect(minutes(times.longest)).toBe(40);
    expect(times.shareLonger(20 * MINUTE)).toBeCloseTo(0.5);
    expect(times.countLonger(20 * MINUTE)).toBe(2);
  });

  // Freireich 1963, the drug group: the example of the textbooks on survival.
  it('is what Kaplan and Meier estimate, where some were cut short', () => {
    const times = timesOf(took(6, 6, 6, 7, 10, 13, 16, 22, 23), lasted(6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35));
    const shares = [5, 6, 7, 10, 13, 16, 22, 23, 40].map((at) => Number(times.shareLonger(at * MINUTE).toFixed(3)));
    expect(shares).toEqual([1, 0.857, 0.807, 0.753, 0.69, 0.627, 0.538, 0.448, 0.448]);
    expect(minutes(times.within(0.5))).toBe(23);
    expect(times.censored).toHaveLength(12);
  });

  it('counts a run from the age at which it came into view: what had ended before that is not there', () => {
    const seenFrom = (from: number, run: RunTime[]) => run.map((each) => ({ ...each, from: from * MINUTE }));
    // Nine short ones and a long one begin in view, and nine long ones had begun an hour before it.
    const times = timesOf(
      took(...Array.from({ length: 9 }, () => 10), 90),
      ...Array.from({ length: 9 }, () => seenFrom(60, took(90))),
    );
    expect(times.shareLonger(10 * MINUTE)).toBeCloseTo(0.1);
    expect(minutes(times.within(0.5))).toBe(10);
    expect(minutes(times.longest)).toBe(90);
    expect(times.countLonger(10 * MINUTE)).toBe(10);
  });

  it('keeps what few say: where one alone is in view it tells nothing of those that came later', () => {
    const times = new RunTimes([
      { ms: 10, ended: true },
      { ms: 100, ended: true, from: 50 },
    ]);
    expect([9, 10, 99, 100].map((at) => times.shareLonger(at))).toEqual([1, 1, 1, 0]);
  });

  it('is not known beyond what has ended: a share that never ended has no time', () => {
    const times = timesOf(took(10), lasted(60, 60, 60));
    expect(minutes(times.within(0.25))).toBe(10);
    expect(times.within(0.5)).toBeUndefined();
    expect(times.shareLonger(600 * MINUTE)).toBeCloseTo(0.75);
  });

  it('is longer than it looks, if builds were killed: to leave them out would hide it', () => {
    const [ended, killed] = [took(10, 10, 10, 50), lasted(30, 30, 30, 30)];
    expect(timesOf(ended).shareLonger(30 * MINUTE)).toBeCloseTo(0.25);
    expect(timesOf(ended, killed).shareLonger(30 * MINUTE)).toBeCloseTo(0.625);
  });

  it('is unknown where nothing has run', () => {
    const times = timesOf();
    expect(times.longest).toBeUndefined();
    expect(times.within(0.5)).toBeUndefined();
    expect(times.shareOutlasting(MINUTE)).toBe(0);
  });
});

describe('builds that a scale-in meets at a random moment', () => {
  it('are longer ones: of ten short ones and one long one it is the long one, two times of three', () => {
    const times = timesOf(took(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 20));
    // 30 minutes of building, of which the long one has 20, 15 of them with more than 5 to go.
    expect(times.shareOutlasting(5 * MINUTE)).toBeCloseTo(15 / 30);
    expect(times.shareOutlasting(0)).toBeCloseTo(1);
    expect(times.shareOutlasting(20 * MINUTE)).toBeCloseTo(0);
  });

  it('are the mean of all moments, however long the builds', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 0, max: 600 }), (all, deadline) => {
        const sum = (values: number[]) => values.reduce((total, each) => total + each, 0);
        const killed = sum(all.map((each) => Math.max(0, each - deadline)));
        expect(timesOf(took(...all)).shareOutlasting(deadline * MINUTE)).toBeCloseTo(killed / sum(all));
      }),
    );
  });
});

describe('what is left of a build that runs', () => {
  const times = timesOf(took(10, 20, 30, 40));
  const rest = (ran: number) => new Rest(times, ran * MINUTE);

  it('is judged by those that had lasted as long', () => {
    expect(minutes(rest(15).within(0.5))).toBe(15);
    expect(minutes(rest(15).within(0.95))).toBe(25);
    expect(rest(15).basis).toBe(3);
    expect(rest(15).chanceLonger(15 * MINUTE)).toBeCloseTo(1 / 3);
    expect(minutes(rest(15).longestMs)).toBe(25);
  });

  it('is unknown for one that has run longer than all of them', () => {
    expect(rest(40).basis).toBe(0);
    expect(rest(40).within(0.5)).toBeUndefined();
    expect(rest(50).chanceLonger(MINUTE)).toBe(1);
    expect(rest(50).longestMs).toBe(0);
  });

  it('is not made longer or shorter by the build itself, which has lasted as long as it has', () => {
    const withItself = new Rest(timesOf(took(10, 20, 30, 40), lasted(15)), 15 * MINUTE);
    expect(minutes(withItself.within(0.5))).toBe(15);
    expect(withItself.chanceLonger(15 * MINUTE)).toBeCloseTo(1 / 3);
  });

  it('of several together is longer than that of each', () => {
    const one = new Rest(timesOf(took(10, 20)), 0);
    expect(minutes(one.within(0.5))).toBe(10);
    expect(minutes(allWithin([one, one], 0.5))).toBe(20);
    expect(minutes(allWithin([one, one], 0.25))).toBe(10);
    expect(chanceAnyLonger([one, one], 10 * MINUTE)).toBeCloseTo(0.75);
    expect(allWithin([], 0.5)).toBe(0);
  });

  it('of several is unknown if it is unknown of one', () => {
    expect(allWithin([rest(15), rest(50)], 0.5)).toBeUndefined();
    const neverEnds = new Rest(timesOf(took(10), lasted(60, 60, 60)), 0);
    expect(allWithin([neverEnds], 0.5)).toBeUndefined();
    expect(minutes(allWithin([neverEnds], 0.25))).toBe(10);
  });
});

test('times are consistent: what ends within a time is the share that takes no longer', () => {
  const run = fc.record({ ms: fc.integer({ min: 1, max: 50 }), ended: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(run, { maxLength: 40 }),
      fc.integer({ min: 1, max: 100 }),
      fc.nat(50),
      (runs, percent, past) => {
        const times = new RunTimes(runs);
        const within = times.within(percent / 100, past);
        if (within === undefined) return;
        const left = (ms: number) => times.shareLonger(ms) / times.shareLonger(past);
        expect(within).toBeGreaterThan(past);
        expect(left(within)).toBeLessThanOrEqual(1 - percent / 100 + 1e-6);
        expect(left(within - 1)).toBeGreaterThan(1 - percent / 100 - 1e-6);
      },
    ),
  );
});
