/** An evaluation that could not place everything, and waits until something changes. */
export interface BlockedEvaluation {
  JobID: string;
  Namespace: string;
  CreateTime: number;
  FailedTGAllocs: Record<string, PlacementFailure> | null;
}

/** An evaluation that waits for room, for its time, or to be processed. */
export interface WaitingEvaluation extends BlockedEvaluation {
  Type: string;
  /** RFC 3339; absent, or the year 1, if it waits for no time. */
  WaitUntil?: string;
  StatusDescription?: string;
}

/** An evaluation that is in work, or waits for its turn or its time. */
export interface PendingEvaluation {
  CreateIndex: number;
  /** RFC 3339; absent, or the year 1, if it waits for no time. */
  WaitUntil?: string;
}

/** Why one task group could not be placed: the nodes that the scheduler considered, and why it rejected them. */
export interface PlacementFailure {
  NodePool?: string;
  /** Eligible nodes in the pool, by datacenter of the job. */
  NodesAvailable: Record<string, number> | null;
  /** Eligible nodes in the pool; Nomad 1.6 does not say. */
  NodesInPool?: number;
  NodesEvaluated: number;
  ConstraintFiltered: Record<string, number> | null;
  ClassFiltered: Record<string, number> | null;
  DimensionExhausted: Record<string, number> | null;
  QuotaExhausted: string[] | null;
  /** Further allocations of the group that could not be placed either. */
  CoalescedFailures?: number;
}
