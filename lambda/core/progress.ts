import type { Allocation } from './allocation.ts';
import type { Decision } from './decision.ts';
import type { Observation } from './observation.ts';
import type { Termination } from './termination.ts';

/** One waiting instance in one pass: what was seen of it, what was decided, and what that changed. */
export interface Progress extends Carried {
  termination: Termination;
  seen: Observation;
}

/** What became of a decision. */
export interface Carried {
  decision: Decision;
  /** What it has changed: a drain was started, or the instance released. A repeated or a failed one changes nothing. */
  effect?: 'drain started' | 'released';
  /** With an instance that was released: what had not ended by itself. */
  killed?: readonly Killed[];
}

/** An allocation that the drain deadline, or the end of all waiting, has killed. */
export interface Killed {
  allocation: Allocation;
  /** The end of what its tasks wrote to stderr, where the token may read logs. */
  stderr?: string;
}
