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
  get censored(): number {
    return this.times.countCensored(this.ranMs);
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

/** A build that has ended. */
export interface EndedBuild extends RunTime, Pick<Running, 'job' | 'namespace' | 'createdAt'> {
  nodeId: string;
}

/** How long earlier runs took, by the key of {@link jobKey}. */
export type EarlierRuns = ReadonlyMap<string, RunTimes>;

/** The job whose run this is: runs of one dispatched or periodic job are the same job. */
export const familyOf = (job: string): string => job.replace(/\/(dispatch|periodic)-.*$/, '');

export const jobKey = ({ namespace, job }: { namespace: string; job: string }): string =>
  `${namespace} ${familyOf(job)}`;

/** How long runs took, by their job. */
export const byJob = (runs: readonly (RunTime & Pick<Running, 'job' | 'namespace'>)[]): EarlierRuns =>
  new Map([...Map.groupBy(runs, jobKey)].map(([key, ofJob]) => [key, new RunTimes(ofJob)]));
