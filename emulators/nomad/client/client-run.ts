import type { Allocation, Task } from '../model.ts';
import type { AllocRun } from './alloc-run.ts';
import type { TaskProcess } from './casualties.ts';
import { stageOf } from './tasks.ts';

/** An allocation on its client. */
export interface Run {
  allocation: Allocation;
  tasks: AllocRun;
  stopping: boolean;
  /** Its agent knows nothing of it any more, or its machine is dead. */
  lost: boolean;
  /** The servers know nothing of it any more; `collected`: so it is stopped. */
  forgotten: boolean;
  collected: boolean;
  healthy: boolean | undefined;
  reporting: boolean;
  timers: (() => void)[];
  /** Cancels the count of the seconds for which it must be up to be healthy. */
  health: (() => void) | undefined;
}

export const aboutTask = ({ allocation }: Run, task: Task) => ({
  allocationId: allocation.ID,
  task: task.Name,
  poststop: stageOf(task) === 'poststop',
  jobId: allocation.JobID,
  jobType: allocation.Job.Type,
  namespace: allocation.Namespace,
  nodeId: allocation.NodeID,
});

export const processesOf = (run: Run): TaskProcess[] =>
  run.tasks
    .processes()
    // Without an agent that knows of it, it will never run.
    .filter(({ pending }) => !(pending && run.lost))
    .map(({ task, pending }) => ({
      ...aboutTask(run, task),
      pending,
      ...(run.lost ? { forgottenBy: 'agent' as const } : run.forgotten ? { forgottenBy: 'servers' as const } : {}),
    }));
