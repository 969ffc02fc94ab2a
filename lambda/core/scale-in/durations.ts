import type { EpochMs } from '../model/clock.ts';
import type { Running } from './candidate.ts';

/** One run of a build. */
export interface RunTime {
  /** How long it took, or has lasted so far, in milliseconds. */
  ms: number;
  /** It ended by itself. Else it still runs, or was killed: it would have taken longer. */
  ended: boolean;
  /** How long it had lasted when it came into view, in milliseconds: had it ended before, it would not be known. */
  from?: number;
}

/** Shares are products of fractions: they are compared with this much slack. */
const SLACK = 1e-9;

/**
 * How long runs take, as the Kaplan-Meier estimator has it: a run that was cut short, or still goes on, counts as one that has lasted
 * at least so long. To leave such runs out would make builds look shorter than they are, the long ones most. And a run counts from the age at
 * which it came into view (delayed entry): of those that began before, only the long ones are there.
 */
export class RunTimes {
  /** How long those took that ended by themselves, the shortest first, in milliseconds. */
  readonly ended: readonly number[];
  /** How long those lasted of which only a part is known, the shortest first, in milliseconds. */
  readonly censored: readonly number[];
  /** The share of runs that take longer than each of {@link ended}. */
  readonly #longer: readonly number[];

  constructor(runs: readonly RunTime[]) {
    const seen = runs.filter(({ ms, from = 0 }) => from === 0 || from < ms);
    const sorted = seen.toSorted((one, other) => one.ms - other.ms || Number(other.ended) - Number(one.ended));
    const froms = seen.map(({ from = 0 }) => from).toSorted((one, other) => one - other);
    const longer: number[] = [];
    let share = 1;
    let inView = 0;
    for (const [index, { ms, ended }] of sorted.entries()) {
      while (inView < froms.length && (froms[inView] === 0 || (froms[inView] as number) < ms)) inView += 1;
      if (!ended) continue;
      // One alone says nothing of those that came into view later.
      const atRisk = inView - index;
      if (atRisk > 1 || index === sorted.length - 1) share *= 1 - 1 / atRisk;
      longer.push(share);
    }
    this.ended = sorted.filter(({ ended }) => ended).map(({ ms }) => ms);
    this.censored = sorted.filter(({ ended }) => !ended).map(({ ms }) => ms);
    this.#longer = longer;
  }

  /** The longest run that ended by itself, in milliseconds. */
  get longest(): number | undefined {
    return this.ended.at(-1);
  }

  /** How many runs that ended by themselves took longer than that. */
  countLonger(ms: number): number {
    return this.ended.length - this.#countWithin(ms);
  }

  /** How many of those of which only a part is known lasted longer than that. */
  countCensored(ms: number): number {
    return this.censored.filter((each) => each > ms).length;
  }

  /** The share of all runs that take longer than that, from 0 to 1. Beyond the longest run that ended it is that of the longest. */
  shareLonger(ms: number): number {
    return this.#longer[this.#countWithin(ms) - 1] ?? 1;
  }

  /**
   * In what time this share of all runs ends, in milliseconds.
   * @param past only of runs that have lasted so long already, in milliseconds; the answer counts from the beginning of the run
   * @returns undefined if too few have ended to say so
   */
  within(share: number, past = 0): number | undefined {
    const most = (1 - share) * this.shareLonger(past) + SLACK;
    return this.ended[this.#firstLeaving(most, this.#countWithin(past))];
  }

  /**
   * Of the runs that are under way at a random moment, the share that then goes on for longer than that. A moment meets long runs more
   * often than short ones. It says too little if the longest run of all has not ended.
   */
  shareOutlasting(ms: number): number {
    const all = this.#areaFrom(0);
    return all === 0 ? 0 : this.#areaFrom(ms) / all;
  }

  /** How many of those that ended took no longer than that. */
  #countWithin(ms: number): number {
    let [low, high] = [0, this.ended.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.ended[middle] as number) <= ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #firstLeaving(most: number, from: number): number {
    const index = this.#longer.findIndex((share, at) => at >= from && share <= most);
    return index === -1 ? this.ended.length : index;
  }

  /** The area under the share that takes longer, from that time on: the time that runs spend beyond it, on average. */
  #areaFrom(ms: number): number {
    const last = Math.max(0, this.ended.at(-1) ?? 0, this.censored.at(-1) ?? 0);
    let area = 0;
    let before = ms;
    for (let index = this.#countWithin(ms); index <= this.ended.length; index++) {
      const until = Math.max(before, this.ended[index] ?? last);
      area += (until - before) * (this.#longer[index - 1] ?? 1);
      before = until;
    }
    return area;
  }
}

/** How long a build that runs goes on from now, by what runs took that had lasted as long. Times in milliseconds. */
export class Rest {
  readonly times: RunTimes;
  readonly ranMs: number;
  /** In what time Nomad ends it, whatever earlier runs took; undefined if never, or if that is not known. */
  readonly limitMs: number | undefined;

  /**
   * @param ranMs how long it has run
   * @param limitMs in what time Nomad ends it
   */
  constructor(times: RunTimes, ranMs: number, limitMs?: number) {
    this.times = times;
    this.ranMs = ranMs;
    this.limitMs = limitMs;
  }

  /** @param others how long runs of other jobs took: what has to do where Nomad has no earlier run of its job */
  static of(build: Running, { earlier, limits, now }: KnownDurations, others = NONE): Rest {
    const ofJob = earlier.get(jobKey(build));
    const limit = limits.get(build.id);
    return new Rest(
      ofJob && ofJob.ended.length > 0 ? ofJob : others,
      Math.max(0, now - build.createdAt),
      limit === undefined ? undefined : Math.max(0, build.createdAt + limit - now),
    );
  }

  /** How many runs say so: those that took longer and ended by themselves. With none only its limit is known, if it has one. */
  get basis(): number {
    return this.times.countLonger(this.ranMs);
  }

  /** How many runs lasted longer whose end is not known. */
  get censored(): number {
    return this.times.countCensored(this.ranMs);
  }

  /** Whether there is anything that says when it has ended. */
  get isBounded(): boolean {
    return this.basis > 0 || this.limitMs !== undefined;
  }

  /** Whether it is known, or how likely it is, that it still runs after that time. */
  saysAt(ms: number): boolean {
    return this.basis > 0 || (this.limitMs !== undefined && this.limitMs <= ms);
  }

  /** How long it would go on if it took as long as the longest that ended. */
  get longestMs(): number {
    return Math.max(0, (this.times.longest ?? 0) - this.ranMs);
  }

  /** The chance that it goes on for longer than that, from 0 to 1; 1 if nothing is known. */
  chanceLonger(ms: number): number {
    if (this.limitMs !== undefined && ms >= this.limitMs) return 0;
    if (this.basis === 0) return 1;
    return this.times.shareLonger(this.ranMs + ms) / this.times.shareLonger(this.ranMs);
  }

  /** In what time it has ended with this chance; undefined if no earlier run says so. */
  within(chance: number): number | undefined {
    const ms = this.byRuns(chance);
    return ms === undefined ? undefined : Math.min(ms, this.limitMs ?? ms);
  }

  /** The same by earlier runs alone, as if it had no limit. */
  byRuns(chance: number): number | undefined {
    const whole = this.times.within(chance, this.ranMs);
    return whole === undefined ? undefined : whole - this.ranMs;
  }
}

/** What is known of how long builds take. */
export interface KnownDurations {
  /** How long earlier runs took. */
  earlier: EarlierRuns;
  limits: RunLimits;
  now: EpochMs;
}

const NONE = new RunTimes([]);

/** The chance that one of these builds goes on for longer than that, from 0 to 1, as if none knew of another. */
export const chanceAnyLonger = (rests: readonly Rest[], ms: number): number =>
  1 - rests.reduce((ended, rest) => ended * (1 - rest.chanceLonger(ms)), 1);

/** In what time all of these builds have ended with this chance, in whole milliseconds; undefined if nothing says so. */
export function allWithin(rests: readonly Rest[], chance: number): number | undefined {
  let [low, high] = [0, Math.ceil(Math.max(0, ...rests.map(({ limitMs, longestMs }) => limitMs ?? longestMs)))];
  const isEnough = (ms: number) => chanceAnyLonger(rests, ms) <= 1 - chance + SLACK;
  if (!isEnough(high)) return undefined;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isEnough(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A build that has ended. */
export interface EndedBuild extends RunTime, Pick<Running, 'job' | 'namespace' | 'createdAt'> {
  nodeId: string;
}

/** How long earlier runs took, by the key of {@link jobKey}. */
export type EarlierRuns = ReadonlyMap<string, RunTimes>;

/**
 * The `max_run_duration` of builds, by the ids of their allocations: from its creation, in milliseconds, until its client ends it. Those are
 * missing that have none, or of which it is not known.
 */
export type RunLimits = ReadonlyMap<string, number>;

/** The job whose run this is: runs of one dispatched or periodic job are the same job. */
export const familyOf = (job: string): string => job.replace(/\/(dispatch|periodic)-.*$/, '');

export const jobKey = ({ namespace, job }: { namespace: string; job: string }): string =>
  `${namespace} ${familyOf(job)}`;

/** How long runs took, by their job. */
export const byJob = (runs: readonly (RunTime & Pick<Running, 'job' | 'namespace'>)[]): EarlierRuns =>
  new Map([...Map.groupBy(runs, jobKey)].map(([key, ofJob]) => [key, new RunTimes(ofJob)]));
