import type { Allocation, TaskGroup } from '../model/allocation.ts';
import type { Decision } from '../model/decision.ts';
import type { Observation } from '../model/observation.ts';
import type { Termination } from '../model/termination.ts';

/** One waiting instance in one pass: what was seen of it, and what was decided. */
export interface Decided {
  termination: Termination;
  seen: Observation;
  decision: Decision;
}

/** The same, with what that changed. */
export type Progress = Decided & Carried;

/** What became of a decision. */
export interface Carried {
  decision: Decision;
  /** What it changed: a drain was started, or the instance was released. Absent if it changed nothing or failed. */
  effect?: 'drain started' | 'released';
  /** For an instance that was released: what did not end by itself. */
  killed?: readonly Killed[];
  /** The services that the drain has stopped, and that run nowhere now. */
  nowhere?: readonly TaskGroup[];
}

/** An allocation that was killed by the drain deadline, or with its instance. */
export interface Killed {
  allocation: Allocation;
  /** The end of what its tasks wrote to stderr, if the token may read logs. */
  stderr?: string;
}
