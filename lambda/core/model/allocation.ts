import type { EpochMs } from './clock.ts';
import type { JobDrain } from './job-drain.ts';

/** An allocation, in Nomad's words. */
export interface Allocation {
  id: string;
  job: string;
  jobType: string;
  namespace: string;
  taskGroup: string;
  clientStatus: string;
  desiredStatus: string;
  /** The drain wants it stopped (`DesiredTransition.Migrate`), even if the scheduler has not acted on it yet. */
  migrating: boolean;
  /** Nomad stops it last, when everything else on the node has ended: it is of a system job, or a CSI plugin. */
  stopsLast: boolean;
  /** When it was created. */
  createdAt: EpochMs;
  /** When its state last changed; once it has ended, when it ended. */
  changedAt: EpochMs;
  /** When its client begins to kill it, however long its drain would wait (`max_run_duration`); absent if never, or if its job is not known. */
  endsBy?: EpochMs;
  /** When the drain stopped it instead of waiting any longer. */
  killedAt?: EpochMs;
  /** Its tasks; each has a log of its own. */
  tasks: Task[];
  /** How long its job asks drains to wait for it. Read only where the policy lets jobs say so. */
  drain?: JobDrain;
  /** The allocation that inherits its ephemeral disk. */
  diskGoesTo?: string;
  /** Why its replacement cannot be placed, or how its replacements fail: until one is healthy, Nomad does not move it. */
  blocked?: Blocked;
}

/** One task of an allocation, as its client last reported it. */
export interface Task {
  name: string;
  state: string;
  /** It runs after the main tasks, to upload artifacts, for example. */
  poststop: boolean;
}

/** What keeps a service from being moved. */
interface Blocked {
  /** Its replacements are placed, and fail one after the other; absent if none can be placed. */
  inVain?: true;
  /** In Nomad's own terms: which nodes there are, and why none can be used; or how the last replacement failed. */
  because: string;
  /** Since when. */
  since: EpochMs;
}

/**
 * Whether a task of the allocation may still run, or has yet to run. The client's status alone does not tell: it is `failed` as
 * soon as a main task is, while the poststop task that uploads the artifacts has yet to start. `lost` means that the servers
 * have given up the client and hear nothing more of its tasks; `unknown` means that the client may come back.
 */
export function isAlive({ clientStatus, tasks }: Allocation, on: { status: string }): boolean {
  if (!isClientTerminal(clientStatus)) return true;
  if (clientStatus === 'lost' && on.status === 'down') return false;
  return tasks.some(isTaskAlive);
}

/** Whether a task runs, or is a poststop task that has yet to run. */
export const isTaskAlive = ({ state, poststop }: Task): boolean =>
  state === 'running' || (poststop && state === 'pending');

/** Whether the Nomad client, or the servers on its behalf, say that it has ended. Its tasks may still run. */
export const isClientTerminal = (clientStatus: string): boolean =>
  ['complete', 'failed', 'lost'].includes(clientStatus);

/** Whether nothing has told this allocation to stop, so that only a new drain will. */
export function isLeftAlone({ clientStatus, desiredStatus, migrating }: Allocation): boolean {
  return desiredStatus === 'run' && !migrating && !isClientTerminal(clientStatus);
}

export const secondsRun = ({ createdAt }: Allocation, now: number): number =>
  Math.max(0, Math.round((now - createdAt) / 1000));

/** One allocation, in Nomad's words. */
export interface AllocationReport {
  id: string;
  job: string;
  namespace: string;
  taskGroup: string;
  type: string;
  status: string;
  runningSeconds: number;
  /** How long its job asks drains to wait for it, in the words of its author. */
  drain?: string;
  /** When Nomad kills it at the latest, by the `max_run_duration` of its group. ISO 8601, UTC; absent if it has none, or is not known. */
  endsBy?: string;
  /** Why Nomad cannot replace it. */
  blocked?: string;
}

/** The task group of a job. */
export type TaskGroup = Pick<Allocation, 'job' | 'namespace' | 'taskGroup'>;

/** A task group of a job. */
export const groupKey = ({ namespace, job, taskGroup }: TaskGroup): string => `${namespace} ${job} ${taskGroup}`;
