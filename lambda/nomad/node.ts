/** What Nomad says of the nodes of one instance. */
export type Observation =
  /** Who could tell was not to be asked, or refused: Nomad, or EC2 where only an address leads to the node. */
  | { is: 'unanswered'; because: string }
  /** Nomad knows no node of this instance. `seen`: this run has seen one. */
  | { is: 'absent'; seen: boolean }
  /** Several nodes have an address or name of this instance, and none says that it is the instance. */
  | { is: 'ambiguous'; nodeIds: string[] }
  /** The nodes that are this instance, those that are not down first: more than one where its agent came back under a new id. */
  | { is: 'present'; nodes: [NomadNode, ...NomadNode[]] };

/** A Nomad client node, in Nomad's own words. */
export interface NomadNode {
  id: string;
  name: string;
  status: 'initializing' | 'ready' | 'down' | 'disconnected';
  /** The last drain, while it still holds: not cancelled, and the node not made eligible since. */
  drain?: Drain;
  /** The allocations that Nomad shows us; absent where they were not asked for. */
  allocations?: Allocation[];
  /** Replacements elsewhere that still copy their ephemeral disk from this node. */
  copying?: Allocation[];
}

/** A drain in force. Times are milliseconds since the epoch. */
export interface Drain {
  status: 'draining' | 'complete';
  startedAt: number;
  /** Of a complete drain: when Nomad completed it. */
  updatedAt: number;
  /** When Nomad kills what still runs, whoever said so; `never` for a drain without a deadline. Absent where it was not asked for. */
  deadlineAt?: number | 'never';
  /** Nomad killed what was left, because the drain's deadline had come. */
  deadlineReached?: boolean;
  /** What we wrote down when the drain is ours; absent when another tool's. */
  ours?: DrainRecord;
}

/** What must be remembered of a drain, kept in `LastDrain.Meta`. Times are milliseconds since the epoch. */
export interface DrainRecord {
  instanceId: string;
  token?: string;
  waitingSince?: number;
  deadlineAt?: number;
  forcedAt?: number;
}

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

/** The nodes that are the instance; none where that is not known. */
export const nodesOf = (observation: Observation): readonly NomadNode[] =>
  observation.is === 'present' ? observation.nodes : [];

/** The node that stands for the instance, where there are several. */
export const nodeOf = (observation: Observation): NomadNode | undefined => nodesOf(observation)[0];

/**
 * Whether something of the allocation may still run, or is still to run. The client's status alone does not say it: it is
 * `failed` as soon as a main task is, while the poststop task that uploads the artifacts has yet to start. `lost` is what the
 * servers say of a client that went away for good: its tasks are no longer heard of. `unknown` is not that: it may come back.
 */
export function isAlive({ clientStatus, tasks }: Allocation, on: Pick<NomadNode, 'status'>): boolean {
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

/** The allocations that keep the instance alive. */
export function remaining(node: NomadNode, policy: { ignoreSystemJobs: boolean }): Allocation[] {
  return (node.allocations ?? []).filter(
    (allocation) => isAlive(allocation, node) && !(policy.ignoreSystemJobs && allocation.jobType === 'system'),
  );
}

/** Whether nobody has told this allocation to stop, so that only a new drain will. */
export function isLeftAlone({ clientStatus, desiredStatus, migrating }: Allocation): boolean {
  return desiredStatus === 'run' && !migrating && !isClientTerminal(clientStatus);
}

/** The allocations that a drain deadline, or a forced drain, has killed. System jobs and plugins are always stopped last. */
export function killed({ drain, allocations = [] }: NomadNode): Allocation[] {
  if (drain?.status !== 'complete' || !(drain.deadlineReached || drain.ours?.forcedAt !== undefined)) return [];
  return allocations.filter(
    ({ killedAt, stopsLast }) => !stopsLast && killedAt !== undefined && killedAt >= drain.updatedAt,
  );
}

/** When the last allocation of a drained node ended, milliseconds since the epoch: not before its drain began. */
export function emptySince({ startedAt }: Drain, allocations: readonly Allocation[]): number {
  const ended = allocations.filter(({ clientStatus }) => isClientTerminal(clientStatus));
  return Math.max(startedAt, ...ended.map(({ changedAt }) => changedAt));
}
