import type { Clock } from '../clock.ts';

/** What was refused is fetched anew no more often than this, in milliseconds. */
const PAUSE_MS = 10_000;

/** A value, and until when it holds, milliseconds since the epoch; for good where nothing is said. */
export interface Fetched<T> {
  value: T;
  until?: number;
}

/** What is fetched once and kept, until it runs out or is refused: rotating it needs no deploy. */
export class Renewable<T> {
  readonly #fetch: () => Promise<Fetched<T>>;
  readonly #clock: Clock;
  #kept: Promise<Fetched<T>> | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;

  constructor(fetch: () => Promise<Fetched<T>>, clock: Clock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  async current(): Promise<T> {
    const kept = await this.#keep();
    if (kept.until === undefined || this.#clock.now() < kept.until) return kept.value;
    this.#kept = undefined;
    return (await this.#keep()).value;
  }

  /** The value after this one was refused: fetched anew by one of all who were refused, and not again for a while. */
  async renewed(refused: T): Promise<T> {
    const kept = await this.#keep();
    if (kept.value !== refused) return kept.value;
    if (this.#clock.now() - this.#fetchedAt > PAUSE_MS) this.#kept = undefined;
    return (await this.#keep()).value;
  }

  #keep(): Promise<Fetched<T>> {
    if (!this.#kept) {
      this.#fetchedAt = this.#clock.now();
      this.#kept = this.#fetch().catch((error) => {
        this.#kept = undefined;
        throw error;
      });
    }
    return this.#kept;
  }
}
