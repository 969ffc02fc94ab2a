import type { AllocMetric, JobType } from '../model.ts';

export interface Evaluation {
  ID: string;
  Namespace: string;
  Priority: number;
  Type: JobType;
  TriggeredBy: string;
  JobID: string;
  /** Pending: it waits for its time, or its plan is in flight. */
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
