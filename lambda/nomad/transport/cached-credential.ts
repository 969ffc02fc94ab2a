import type { EpochMs, RunClock } from '../../core/model/clock.ts';

/** After a refusal, a value is fetched again at most this often, in milliseconds. */
const PAUSE_MS = 10_000;

/** A value, and until when it holds; absent if it does not expire. */
export interface Fetched<T> {
  value: T;
  until?: EpochMs;
}

/**
 * A value that is fetched once and kept until it expires or is refused: rotating it needs no deploy. A fetch ends with the run
 * that started it; after a failed one, the next caller tries again.
 */
export class Renewable<T> {
  readonly #fetch: (clock: RunClock) => Promise<Fetched<T>>;
  #kept: Promise<Fetched<T>> | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;

  /** @param fetch is called with the clock of the run that needs the value */
  constructor(fetch: (clock: RunClock) => Promise<Fetched<T>>) {
    this.#fetch = fetch;
  }

  async current(clock: RunClock): Promise<T> {
    const kept = await this.#keep(clock);
    if (kept.until === undefined || clock.now() < kept.until) return kept.value;
    this.#kept = undefined;
    return (await this.#keep(clock)).value;
  }

  /** The value after this one was refused: fetched once for all callers that were refused, and not again for a while. */
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
