import type { Policy } from './config.ts';

/** How a wait ended. */
export type Outcome = 'drained' | 'forced' | 'node-lost' | 'not-a-node' | 'instance-gone' | 'timed-out';

/**
 * How to ask Nomad for a drain: for the first time; once more with what is left of the same deadline, which makes Nomad
 * look again; or by force, which kills what still runs.
 */
export type DrainOrder = { how: 'start' | 'renew'; deadlineSeconds: number } | { how: 'force' };

/** What to do with one waiting instance, and why, in a sentence for an operator. */
export type Decision =
  /** `nodeIds`: the nodes to ask it for, one as a rule. */
  | { action: 'start-drain'; because: string; order: DrainOrder; nodeIds: readonly string[] }
  /**
   * `alarm`: somebody must look. `unserved`: and the run has failed this instance. `stuck`: what will not pass by itself, in
   * words that stay the same while it lasts.
   */
  | { action: 'wait'; because: string; alarm?: boolean; unserved?: boolean; stuck?: string }
  | { action: 'complete'; because: string; outcome: Outcome; result: 'CONTINUE' | 'ABANDON'; alarm?: boolean }
  | { action: 'error'; because: string; stuck?: string };

/** What a decision rests on beside the instance and its nodes. */
export interface Circumstances {
  /** Milliseconds since the epoch. */
  now: number;
  policy: Policy;
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
