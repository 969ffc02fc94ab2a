import { Token } from 'aws-cdk-lib/core';
import type { ConfigProblem } from '../../lambda/errors.ts';

/**
 * The memory of the function that drains, in megabytes. It needs half of that: eight nodes with 72 MB of allocations each at once are its
 * heaviest case. Lambda gives a share of a core with it, here 0.18: enough for some 1,500 instances that begin to wait in the same minute.
 * A sweep runs on while any instance waits, so more memory would cost more all the time. docs/performance.md has the measurements.
 */
export const DEFAULT_MEMORY = 320;
/**
 * Of the function that only answers which instances go, in megabytes: it has two seconds for that, and mostly computes.
 * docs/decisions/0007-who-goes.md has the measurements.
 */
export const CHOOSING_MEMORY = 512;

/** With less, nodes that have run for long do not fit. */
const LEAST = 256;
/** Lambda's limit. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MOST = 10_240;

/** Whether the function can have so much memory: no problem, or one. */
export function memoryProblems(megabytes: number = DEFAULT_MEMORY): ConfigProblem[] {
  if (Token.isUnresolved(megabytes)) return [];
  if (Number.isInteger(megabytes) && LEAST <= megabytes && megabytes <= MOST) return [];
  const message = `must be a whole number from ${LEAST} to ${MOST}, not ${megabytes}`;
  return [{ path: ['memorySize'], id: 'nomad-drain-hook:memoryOutOfRange', message }];
}

/** A sweep takes one for most of each minute, and each event and each query another. */
const LEAST_CONCURRENT = 10;

/** Whether so few runs at a time are enough: no problem, or one. With none the function would never run. */
export function concurrencyProblems(reserved: number | undefined): ConfigProblem[] {
  if (reserved === undefined || Token.isUnresolved(reserved)) return [];
  if (Number.isInteger(reserved) && reserved >= LEAST_CONCURRENT) return [];
  const message = `must be a whole number from ${LEAST_CONCURRENT}, not ${reserved}: events would wait for sweeps`;
  return [{ path: ['reservedConcurrentExecutions'], id: 'nomad-drain-hook:concurrencyTooLow', message }];
}
