/** What runs on a node, in Nomad's words. */
export interface Allocation {
  id: string;
  job: string;
  jobType: string;
  namespace: string;
  taskGroup: string;
  clientStatus: string;
  desiredStatus: string;
  /** The drain has asked for it to be stopped, whether or not the scheduler has come to it. */
  migrating: boolean;
  /** Nomad stops it last, when everything else on the node has ended: a system job's, or a CSI plugin. */
  stopsLast: boolean;
  /** When it was created, milliseconds since the epoch. */
  createdAt: number;
  /** When Nomad last heard something new of it: of one that has ended, its end. Milliseconds since the epoch. */
  changedAt: number;
  /** When the drain had it stopped that had waited for it until then, milliseconds since the epoch. */
  killedAt?: number;
  /** Its tasks, each of which has a log. */
  tasks: Task[];
  /** The allocation that inherits its ephemeral disk. */
  diskGoesTo?: string;
  /** Why Nomad has nowhere to put what is to replace it, or what fails in its stead; without that it is not moved. */
  blocked?: Blocked;
}

/** One task of an allocation, as its client last reported it. */
export interface Task {
  name: string;
  state: string;
  /** It runs after the main tasks, such as the upload of artifacts. */
  poststop: boolean;
}

/** What keeps a service from being moved. */
export interface Blocked {
  /** Its replacements are placed, and fail one after the other; otherwise there is no place for one. */
  inVain?: true;
  /** In Nomad's own terms: which nodes there are, and what keeps each from being used; or how the last replacement failed. */
  because: string;
  /** Since when, milliseconds since the epoch. */
  since: number;
}

/**
 * Whether something of the allocation may still run, or is still to run. The client's status alone does not say it: it is
 * `failed` as soon as a main task is, while the poststop task that uploads the artifacts has yet to start. `lost` is what the
 * servers say of a client that went away for good: its tasks are no longer heard of. `unknown` is not that: it may come back.
 */
export function isAlive({ clientStatus, tasks }: Allocation, on: { status: string }): boolean {
  if (!isClientTerminal(clientStatus)) return true;
  if (clientStatus === 'lost' && on.status === 'down') return false;
  return tasks.some(isTaskAlive);
}

/** A task that runs, or that runs after the others have ended and has yet to. */
export const isTaskAlive = ({ state, poststop }: Task): boolean =>
  state === 'running' || (poststop && state === 'pending');

/** What the Nomad client, or the servers in its stead, have called ended; its tasks may lag behind. */
export const isClientTerminal = (clientStatus: string): boolean =>
  ['complete', 'failed', 'lost'].includes(clientStatus);

/** Whether nobody has told this allocation to stop, so that only a new drain will. */
export function isLeftAlone({ clientStatus, desiredStatus, migrating }: Allocation): boolean {
  return desiredStatus === 'run' && !migrating && !isClientTerminal(clientStatus);
}
