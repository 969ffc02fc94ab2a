/** A time, in milliseconds since the epoch. */
export type EpochMs = number;

/** The time, as a parameter: the system's clock in Lambda, a clock that tests move elsewhere. */
export interface Clock {
  now(): EpochMs;
  /** Resolves after `ms` milliseconds of this clock's time. */
  sleep(ms: number): Promise<void>;
  /**
   * Calls back after `ms` milliseconds of this clock's time, beside what a run waits for.
   * @returns a function that cancels the callback
   */
  after(ms: number, callback: () => void): () => void;
  /** A time limit that expires after `ms` milliseconds of this clock's time. */
  limit(ms: number): TimeLimit;
}

/** Aborts its signal when the time is up, unless it is lifted before. */
export interface TimeLimit {
  signal: AbortSignal;
  lift(): void;
}

/** The run had no time left for what it wanted to wait for. */
export class RunOver extends Error {
  override readonly name = 'RunOver';

  constructor() {
    super('this run had no time left for it');
  }
}

/**
 * The clock of one run: handed to everything that waits, so that no wait outlives the run. The next run does what this one
 * leaves undone; but a run that Lambda kills reports nothing.
 */
export class RunClock implements Clock {
  readonly #clock: Clock;
  readonly #until: number;
  readonly #end: number;

  /**
   * @param until when all waits end
   * @param end when also those end that have a time of their own (see {@link atLeast})
   */
  constructor(clock: Clock, until: EpochMs, end = until) {
    this.#clock = clock;
    this.#until = until;
    this.#end = end;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Nothing can be waited for any more. */
  get over(): boolean {
    return this.#left <= 0;
  }

  /** @throws RunOver if the run ends first, and not before that */
  async sleep(ms: number): Promise<void> {
    const left = this.#left;
    await this.#clock.sleep(Math.max(0, Math.min(ms, left)));
    if (ms > left) throw new RunOver();
  }

  /** Only if the run goes on until then. */
  after(ms: number, callback: () => void): () => void {
    return ms < this.#left ? this.#clock.after(ms, callback) : () => {};
  }

  /**
   * A time limit that ends with the run.
   * @throws RunOver if no time is left: start nothing
   */
  limit(ms: number): TimeLimit {
    const left = this.#left;
    if (left <= 0) throw new RunOver();
    return this.#clock.limit(Math.min(ms, left));
  }

  /** This clock with at least `ms` milliseconds left, however much the run has used. */
  atLeast(ms: number): RunClock {
    return new RunClock(this.#clock, Math.min(Math.max(this.#until, this.now() + ms), this.#end), this.#end);
  }

  /** This clock with at most `ms` milliseconds left. */
  atMost(ms: number): RunClock {
    return new RunClock(this.#clock, Math.min(this.#until, this.now() + ms), this.#end);
  }

  get #left(): number {
    return this.#until - this.now();
  }
}
