import { type EarlierRuns, jobKey, type Running } from './candidate.ts';
import { RunTimes, SLACK } from './run-times.ts';

/** How long a build that runs goes on from now, by what runs took that had lasted as long. Times in milliseconds. */
export class Rest {
  readonly times: RunTimes;
  readonly ranMs: number;

  /** @param ranMs how long it has run */
  constructor(times: RunTimes, ranMs: number) {
    this.times = times;
    this.ranMs = ranMs;
  }

  /** @param others how long runs of other jobs took: what has to do where Nomad has no earlier run of its job */
  static of(build: Running, earlier: EarlierRuns, now: number, others = NONE): Rest {
    const ofJob = earlier.get(jobKey(build));
    return new Rest(ofJob && ofJob.ended.length > 0 ? ofJob : others, Math.max(0, now - build.createdAt));
  }

  /** How many runs say so: those that took longer and ended by themselves. With none nothing is known of the rest. */
  get basis(): number {
    return this.times.countLonger(this.ranMs);
  }

  /** How many runs lasted longer whose end is not known. */
  get cutShort(): number {
    return this.times.countCutShort(this.ranMs);
  }

  /** How long it would go on if it took as long as the longest that ended. */
  get longestMs(): number {
    return Math.max(0, (this.times.longest ?? 0) - this.ranMs);
  }

  /** The chance that it goes on for longer than that, from 0 to 1; 1 if nothing is known. */
  chanceLonger(ms: number): number {
    if (this.basis === 0) return 1;
    return this.times.shareLonger(this.ranMs + ms) / this.times.shareLonger(this.ranMs);
  }

  /** In what time it has ended with this chance; undefined if nothing says so. */
  within(chance: number): number | undefined {
    const whole = this.times.within(chance, this.ranMs);
    return whole === undefined ? undefined : whole - this.ranMs;
  }
}

const NONE = new RunTimes([]);

/** The chance that one of these builds goes on for longer than that, from 0 to 1, as if none knew of another. */
export const chanceAnyLonger = (rests: readonly Rest[], ms: number): number =>
  1 - rests.reduce((ended, rest) => ended * (1 - rest.chanceLonger(ms)), 1);

/** In what time all of these builds have ended with this chance, in whole milliseconds; undefined if nothing says so. */
export function allWithin(rests: readonly Rest[], chance: number): number | undefined {
  let [low, high] = [0, Math.ceil(Math.max(0, ...rests.map(({ longestMs }) => longestMs)))];
  const isEnough = (ms: number) => chanceAnyLonger(rests, ms) <= 1 - chance + SLACK;
  if (!isEnough(high)) return undefined;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isEnough(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
