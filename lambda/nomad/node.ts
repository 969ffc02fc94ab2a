/** What Nomad says of the node of one instance. */
export type Observation =
  /** Nomad could not be asked, or refused. */
  | { is: 'unanswered'; because: string }
  /** Nomad knows no node of this instance. `seen`: this run has seen one. */
  | { is: 'absent'; seen: boolean }
  /** Several nodes claim to be this instance. */
  | { is: 'ambiguous'; nodeIds: string[] }
  | { is: 'present'; node: NomadNode };

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
  /** Nomad stops it last, when everything else on the node has ended: a system job's, or a CSI plugin. */
  stopsLast: boolean;
  /** When it was created, milliseconds since the epoch. */
  createdAt: number;
  /** When Nomad last heard something new of it: of one that has ended, its end. Milliseconds since the epoch. */
  changedAt: number;
  /** When the drain had it stopped that had waited for it until then, milliseconds since the epoch. */
  killedAt?: number;
  /** Its tasks, each of which has a log. */
  tasks: string[];
  /** Why Nomad has nowhere to put what is to replace it, where it has tried to; without that it is not moved. */
  blocked?: Blocked;
}

/** A placement that failed. */
export interface Blocked {
  /** In Nomad's own terms: which nodes there are, and what keeps each from being used. */
  because: string;
  /** Since when, milliseconds since the epoch. */
  since: number;
}

/** The client has ended it and cannot take that back. `unknown` (a disconnected client) is alive. */
function isClientTerminal({ clientStatus }: Allocation): boolean {
  return ['complete', 'failed', 'lost'].includes(clientStatus);
}

/** The allocations that keep the instance alive. */
export function remaining(node: NomadNode, policy: { ignoreSystemJobs: boolean }): Allocation[] {
  return (node.allocations ?? []).filter(
    (allocation) => !isClientTerminal(allocation) && !(policy.ignoreSystemJobs && allocation.jobType === 'system'),
  );
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
  return Math.max(startedAt, ...allocations.filter(isClientTerminal).map(({ changedAt }) => changedAt));
}
