import type { Job, JobType } from './model.ts';
import type { State } from './state.ts';

/** Why the scheduler could, or could not, place a task group. */
export interface AllocMetric {
  NodesEvaluated: number;
  NodesFiltered: number;
  NodesInPool: number;
  NodePool: string;
  NodesAvailable: Record<string, number>;
  NodesExhausted: number;
  ConstraintFiltered: Record<string, number> | null;
  DimensionExhausted: Record<string, number> | null;
  ResourcesExhausted: Record<string, Record<string, unknown>> | null;
  [other: string]: unknown;
}

export interface Evaluation {
  ID: string;
  Namespace: string;
  Priority: number;
  Type: JobType;
  TriggeredBy: string;
  JobID: string;
  /** Pending: it waits for its time. */
  Status: 'blocked' | 'pending' | 'complete' | 'cancelled';
  WaitUntil?: string;
  NextEval?: string;
  StatusDescription?: string;
  PreviousEval?: string;
  BlockedEval?: string;
  FailedTGAllocs?: Record<string, AllocMetric>;
  QueuedAllocations?: Record<string, number>;
  CreateIndex: number;
  ModifyIndex: number;
  CreateTime: number;
  ModifyTime: number;
  [other: string]: unknown;
}

export const newEvaluation = (
  state: State,
  job: Job,
  TriggeredBy: string,
  Status: Evaluation['Status'],
): Evaluation => {
  const index = state.next();
  const evaluation: Evaluation = {
    ID: state.id(),
    Namespace: job.Namespace,
    Priority: job.Priority,
    Type: job.Type,
    TriggeredBy,
    JobID: job.ID,
    Status,
    SnapshotIndex: index,
    CreateIndex: index,
    ModifyIndex: index,
    CreateTime: state.nanos(),
    ModifyTime: state.nanos(),
  };
  state.evaluations.set(evaluation.ID, evaluation);
  return evaluation;
};

/** Waits for room for what its job could not have placed. */
export const blockedEvaluation = (state: State, { ID, Namespace }: Job): Evaluation | undefined =>
  [...state.evaluations.values()].find(
    (evaluation) => evaluation.Status === 'blocked' && evaluation.JobID === ID && evaluation.Namespace === Namespace,
  );
