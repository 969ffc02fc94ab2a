/** So many questions may follow each other at once, and after them one each so many milliseconds. */
const BURST = 20;
const EACH_MS = 1_000;

/**
 * How fast blocking queries may follow each other. Nomad answers one on nodes whenever a client tells anything of its allocations:
 * in a quiet cluster every answer is worth a look at once, and a busy one would have its server asked without a pause.
 */
export class Pace {
  /** When the questions until now would all have been asked, one each {@link EACH_MS}. Milliseconds since the epoch. */
  #paidUntil = 0;

  /** Counts a question. @returns how long to wait before it, in milliseconds */
  next(now: number): number {
    this.#paidUntil = Math.max(this.#paidUntil, now - BURST * EACH_MS) + EACH_MS;
    return Math.max(0, this.#paidUntil - now);
  }
}
