/** One run of a build. */
export interface RunTime {
  /** How long it took, or has lasted so far, in milliseconds. */
  ms: number;
  /** It ended by itself. Else it still runs, or was killed: it would have taken longer. */
  ended: boolean;
  /** How long it had lasted when it came into view, in milliseconds: had it ended before, nobody would know of it. */
  from?: number;
}

/** Shares are products of fractions: they are compared with this much slack. */
export const SLACK = 1e-9;

/**
 * How long runs take, as the Kaplan-Meier estimator has it: a run that was cut short, or still goes on, counts as one that has lasted
 * at least so long. To leave such runs out would make builds look shorter than they are, the long ones most. And a run counts from the age at
 * which it came into view (delayed entry): of those that began before, only the long ones are there.
 */
export class RunTimes {
  /** How long those took that ended by themselves, the shortest first, in milliseconds. */
  readonly ended: readonly number[];
  /** How long those lasted of which only a part is known, the shortest first, in milliseconds. */
  readonly cutShort: readonly number[];
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
    this.cutShort = sorted.filter(({ ended }) => !ended).map(({ ms }) => ms);
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
  countCutShort(ms: number): number {
    return this.cutShort.filter((each) => each > ms).length;
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
    const last = Math.max(0, this.ended.at(-1) ?? 0, this.cutShort.at(-1) ?? 0);
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
