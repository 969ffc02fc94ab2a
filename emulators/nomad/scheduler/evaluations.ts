import type { Job } from '../model.ts';
import type { State } from '../state.ts';
import type { Evaluation } from './evaluation.ts';

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
