import type { Clock, TimeLimit } from '../lambda/core/model/clock.ts';

/** What the emulators live by. */
export type Timeline = Clock;

/** A time limit of a timeline's own time. */
function limitOf(timeline: Timeline, ms: number): TimeLimit {
  const controller = new AbortController();
  return { signal: controller.signal, lift: timeline.after(ms, () => controller.abort()) };
}

interface Timer {
  at: number;
  order: number;
  callback: () => void;
}

/** Stands still until a test moves it. Timers run in the order of their time, each at exactly its time. */
export class ManualClock implements Timeline {
  #now: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(start: number | string = '2026-03-01T09:00:00Z') {
    this.#now = new Date(start).getTime();
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  limit(ms: number): TimeLimit {
    return limitOf(this, ms);
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** The time of the earliest timer, undefined where none waits. */
  next(): number | undefined {
    return this.#earliest()?.at;
  }

  /** Moves to the earliest timer that is due by `limit` and runs it; false where there is none. */
  step(limit = Number.POSITIVE_INFINITY): boolean {
    const timer = this.#earliest();
    if (!timer || timer.at > limit) return false;
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.at);
    timer.callback();
    return true;
  }

  /** Moves on by `ms`, running every timer on the way and letting its consequences settle before the next one. */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms;
    while (this.step(target)) await new Promise((resolve) => setImmediate(resolve));
    this.#now = target;
  }

  /** Sets the time at once, as a clock correction would: timers that it jumps over run late. */
  jump(ms: number): void {
    this.#now += ms;
  }

  #earliest(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers) {
      if (!earliest || timer.at < earliest.at || (timer.at === earliest.at && timer.order < earliest.order)) {
        earliest = timer;
      }
    }
    return earliest;
  }
}

/** Runs by itself, `speed` times as fast as the wall clock: 1 is real time. For the demo and for real agents. */
export class RunningClock implements Timeline {
  readonly #speed: number;
  readonly #wallStart = Date.now();
  readonly #start: number;

  constructor(speed = 1, start: number | string = Date.now()) {
    this.#speed = speed;
    this.#start = new Date(start).getTime();
  }

  now(): number {
    return this.#start + (Date.now() - this.#wallStart) * this.#speed;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  limit(ms: number): TimeLimit {
    return limitOf(this, ms);
  }

  after(ms: number, callback: () => void): () => void {
    const timer = setTimeout(callback, Math.max(0, ms) / this.#speed);
    return () => clearTimeout(timer);
  }
}
