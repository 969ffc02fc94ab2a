import type { EpochMs } from './clock.ts';
import type { Policy } from './policy.ts';

/** How a wait ended: the first six on the way out of service, the last two on the way in. */
export type Outcome =
  | 'drained'
  | 'forced'
  | 'node-lost'
  | 'not-a-node'
  | 'instance-gone'
  | 'timed-out'
  | 'admitted'
  | 'abandoned';

/**
 * How to ask Nomad for a drain: start it; renew it with what is left of its deadline, which makes Nomad check again; shorten it,
 * for an instance that ends before, or where no job wants more; extend it, for a job that wants more; or force it, which kills what
 * still runs.
 */
export type DrainOrder = { how: 'start' | 'renew' | 'shorten' | 'extend'; deadlineSeconds: number } | { how: 'force' };

/** What to do with one waiting instance, and why, in a sentence for an operator. */
export type Decision =
  /** `nodeIds`: the nodes to drain, usually one. `gaveUp`: the instance will not be put into service. */
  | { action: 'start-drain'; because: string; order: DrainOrder; nodeIds: readonly string[]; gaveUp?: true }
  /** Makes the nodes eligible: their instance is about to be put into service. */
  | { action: 'make-eligible'; because: string; nodeIds: readonly string[] }
  /** Makes the nodes ineligible: nothing new lands there, and what runs there runs on. */
  | { action: 'cordon'; because: string; nodeIds: readonly string[] }
  /**
   * `unserved`: the run could not serve this instance, or not before `until`, if that is given. `stuck`: what will not resolve by
   * itself, in words that stay the same while it lasts. `until`: nothing changes before that.
   */
  | { action: 'wait'; because: string; unserved?: boolean; stuck?: string; until?: EpochMs }
  /** `alarm`: a person has to act. */
  | { action: 'complete'; because: string; outcome: Outcome; result: 'CONTINUE' | 'ABANDON'; alarm?: boolean }
  | { action: 'error'; because: string; stuck?: string };

/** What a decision rests on besides the instance and its nodes. */
export interface Circumstances {
  now: EpochMs;
  /** The token may read the jobs of every namespace: an empty list of allocations then means an empty node. */
  seesEveryNamespace: boolean;
}

type Waiting = Extract<Decision, { action: 'wait' }>;

export const wait = (because: string, more: Omit<Waiting, 'action' | 'because'> = {}): Waiting => ({
  action: 'wait',
  because,
  ...more,
});

export const complete = (outcome: Outcome, because: string): Extract<Decision, { action: 'complete' }> => ({
  action: 'complete',
  because,
  outcome,
  result: 'CONTINUE',
});

export const startDrain = (nodeId: string, order: DrainOrder, because: string): Decision => ({
  action: 'start-drain',
  because,
  order,
  nodeIds: [nodeId],
});

export const timedOut = (because: string, { onTimeout }: Policy): Decision => ({
  action: 'complete',
  because,
  outcome: 'timed-out',
  result: onTimeout,
});
