/** The time, as a parameter: the system's in Lambda, one that tests move elsewhere. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds of this clock's time. */
  sleep(ms: number): Promise<void>;
  /** A time limit that is over after `ms` milliseconds of this clock's time. */
  limit(ms: number): TimeLimit;
}

/** Aborts its signal when the time is up, unless it is lifted before. */
export interface TimeLimit {
  signal: AbortSignal;
  lift(): void;
}

/** Something was to be waited for when the run that asked for it had no time left. */
export class RunOver extends Error {
  override readonly name = 'RunOver';

  constructor() {
    super('this run had no time left for it');
  }
}

/**
 * The clock of one run: handed to everything that waits, so that no wait outlives the run. What a run leaves undone, the next
 * one does; but a run that Lambda kills has told nobody what it saw.
 */
export class RunClock implements Clock {
  readonly #clock: Clock;
  readonly #until: number;
  readonly #end: number;

  /**
   * @param until when nothing is waited for any more, milliseconds since the epoch
   * @param end when even what has a time of its own has to be over
   */
  constructor(clock: Clock, until: number, end = until) {
    this.#clock = clock;
    this.#until = until;
    this.#end = end;
  }

  now(): number {
    return this.#clock.now();
  }

  /** @throws RunOver where the run ends before; it waits until then */
  async sleep(ms: number): Promise<void> {
    const left = this.#left;
    await this.#clock.sleep(Math.max(0, Math.min(ms, left)));
    if (ms > left) throw new RunOver();
  }

  /**
   * A time limit that ends with the run.
   * @throws RunOver where no time is left: nothing should be begun
   */
  limit(ms: number): TimeLimit {
    const left = this.#left;
    if (left <= 0) throw new RunOver();
    return this.#clock.limit(Math.min(ms, left));
  }

  /** For what has a time of its own: `ms` milliseconds at least, whatever the run has spent before. */
  atLeast(ms: number): RunClock {
    return new RunClock(this.#clock, Math.min(Math.max(this.#until, this.now() + ms), this.#end), this.#end);
  }

  /** For what must not take all that the run has left: `ms` milliseconds at most. */
  atMost(ms: number): RunClock {
    return new RunClock(this.#clock, Math.min(this.#until, this.now() + ms), this.#end);
  }

  get #left(): number {
    return this.#until - this.now();
  }
}
