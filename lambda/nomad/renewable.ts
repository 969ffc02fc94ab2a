import type { RunClock } from '../core/clock.ts';

/** What was refused is fetched anew no more often than this, in milliseconds. */
const PAUSE_MS = 10_000;

/** A value, and until when it holds, milliseconds since the epoch; for good where nothing is said. */
export interface Fetched<T> {
  value: T;
  until?: number;
}

/**
 * What is fetched once and kept, until it runs out or is refused: rotating it needs no deploy. A fetch ends with the run that
 * began it; one that failed is begun anew by whoever asks next.
 */
export class Renewable<T> {
  readonly #fetch: (clock: RunClock) => Promise<Fetched<T>>;
  #kept: Promise<Fetched<T>> | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;

  /** @param fetch is given the clock of the run that needs the value */
  constructor(fetch: (clock: RunClock) => Promise<Fetched<T>>) {
    this.#fetch = fetch;
  }

  async current(clock: RunClock): Promise<T> {
    const kept = await this.#keep(clock);
    if (kept.until === undefined || clock.now() < kept.until) return kept.value;
    this.#kept = undefined;
    return (await this.#keep(clock)).value;
  }

  /** The value after this one was refused: fetched anew by one of all who were refused, and not again for a while. */
  async renewed(refused: T, clock: RunClock): Promise<T> {
    const kept = await this.#keep(clock);
    if (kept.value !== refused) return kept.value;
    if (clock.now() - this.#fetchedAt > PAUSE_MS) this.#kept = undefined;
    return (await this.#keep(clock)).value;
  }

  #keep(clock: RunClock): Promise<Fetched<T>> {
    if (!this.#kept) {
      this.#fetchedAt = clock.now();
      this.#kept = this.#fetch(clock).catch((error) => {
        this.#kept = undefined;
        throw error;
      });
    }
    return this.#kept;
  }
}
