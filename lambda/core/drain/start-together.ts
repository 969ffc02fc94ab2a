import type { Clock } from '../model/clock.ts';

/**
 * Items of one pass that are carried out together: once the pass has come to all instances, or a while after the first item. An item
 * that comes later is carried out by itself, so that an instance without an answer delays no other.
 */
export class Batch<T> {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #execute: (items: readonly T[]) => Promise<void>;
  readonly #held: T[] = [];
  /** A while after the first item. */
  readonly #soon = Promise.withResolvers<void>();
  #begun = false;

  /** @param ms how long the first item waits for others, in milliseconds */
  constructor(clock: Clock, ms: number, execute: (items: readonly T[]) => Promise<void>) {
    this.#clock = clock;
    this.#ms = ms;
    this.#execute = execute;
  }

  async join(item: T): Promise<void> {
    if (this.#begun) return this.#execute([item]);
    if (this.#held.push(item) > 1) return;
    const { resolve } = this.#soon;
    void this.#clock.sleep(this.#ms).then(resolve, resolve);
  }

  /** @param all resolves when the pass has come to all instances */
  async begin(all: Promise<unknown>): Promise<void> {
    // Whether one has failed is seen by the caller, which waits for all.
    await Promise.race([all.catch(() => {}), this.#soon.promise]);
    this.#begun = true;
    if (this.#held.length > 0) await this.#execute(this.#held);
  }
}
