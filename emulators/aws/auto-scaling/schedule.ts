import type { Timeline } from '../../clock.ts';

/** The clock's timers of one world, so that closing the world leaves none behind to keep the process alive. */
export class Schedule {
  readonly #clock: Timeline;
  readonly #pending = new Set<() => void>();

  constructor(clock: Timeline) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Runs `callback` in `ms` milliseconds, at once where that is none. Returns a function that cancels it. */
  after(ms: number, callback: () => void): () => void {
    if (ms <= 0) {
      callback();
      return () => {};
    }
    const cancel = this.#clock.after(ms, () => {
      this.#pending.delete(callOff);
      callback();
    });
    const callOff = () => {
      this.#pending.delete(callOff);
      cancel();
    };
    this.#pending.add(callOff);
    return callOff;
  }

  close(): void {
    for (const callOff of [...this.#pending]) callOff();
  }
}
