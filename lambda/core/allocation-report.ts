import type { Allocation } from './allocation.ts';
import { secondsRun } from './explain.ts';

/** One allocation, in Nomad's words. */
export interface AllocationReport {
  id: string;
  job: string;
  namespace: string;
  taskGroup: string;
  type: string;
  status: string;
  runningSeconds: number;
  /** Why Nomad cannot replace it. */
  blocked?: string;
}

export const toReport = (allocation: Allocation, now: number): AllocationReport => ({
  id: allocation.id,
  job: allocation.job,
  namespace: allocation.namespace,
  taskGroup: allocation.taskGroup,
  type: allocation.jobType,
  status: allocation.clientStatus,
  runningSeconds: secondsRun(allocation, now),
  ...(allocation.blocked && { blocked: allocation.blocked.because }),
});
