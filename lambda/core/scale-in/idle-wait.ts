import type { Chosen } from './rank.ts';

/** A group that has not been asked about for so long, in milliseconds, has no scale-in that is unfinished. */
const PAUSE_MS = 300_000;
/** Auto Scaling may not have heard the answer once the time has run out, and asks again; later than that it asks for the next. Milliseconds. */
const REPEATED_MS = 120_000;

interface Unfilled {
  since: number;
  lastAskedAt: number;
}

/**
 * Lets a group wait for idle instances, for some time: then the whole ranking holds. Nothing in AWS says since when a group
 * is too large, so a warm function remembers it. If that is lost the time begins anew.
 */
export class IdleWait {
  readonly #ms: number;
  readonly #unfilled = new Map<string, Unfilled>();

  /** @param seconds how long a group waits */
  constructor(seconds: number) {
    this.#ms = seconds * 1000;
  }

  /** Those that are idle, and until when the others are waited for; all, if that time is over or all are idle. */
  limit(
    { group, cause }: { group: string; cause: string },
    chosen: readonly Chosen[],
    now: number,
  ): { chosen: readonly Chosen[]; until?: number } {
    const key = `${group} ${cause}`;
    const idle = chosen.filter((each) => each.idle);
    if (idle.length === chosen.length) {
      this.#unfilled.delete(key);
      return { chosen };
    }
    const before = this.#unfilled.get(key);
    const goesOn = before && now - before.lastAskedAt < PAUSE_MS && now < before.since + this.#ms + REPEATED_MS;
    const since = goesOn ? before.since : now;
    this.#unfilled.set(key, { since, lastAskedAt: now });
    const until = since + this.#ms;
    return now >= until ? { chosen } : { chosen: idle, until };
  }
}
