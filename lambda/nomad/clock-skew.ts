import type { EpochMs } from '../core/model/clock.ts';

/** Smaller differences are those of whole seconds, and of the way; in milliseconds. */
const LEAST_MS = 2_000;
/** What differs by more says nothing of Nomad's clock; in milliseconds. */
const MOST_MS = 3_600_000;
/** How far apart the clocks may be where Nomad does not say its time, in milliseconds. */
export const UNKNOWN_SKEW_MS = 300_000;

/**
 * How far the clock of who answered is ahead of ours, in milliseconds, negative if behind; undefined if that is not known.
 *
 * @param at when it answered, by its clock, in whole seconds
 * @param now our time
 */
export function skewOf(at: EpochMs | undefined, now: EpochMs): number | undefined {
  if (at === undefined) return undefined;
  const skewMs = at + 500 - now;
  if (Math.abs(skewMs) > MOST_MS) return undefined;
  return Math.abs(skewMs) < LEAST_MS ? 0 : skewMs;
}
