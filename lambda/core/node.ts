import { type Allocation, isAlive, isClientTerminal } from './allocation.ts';
import type { Notice } from './notice.ts';

/** A Nomad client node, in Nomad's own words. */
export interface NomadNode {
  id: string;
  name: string;
  status: 'initializing' | 'ready' | 'down' | 'disconnected';
  /** Nomad may place something on it. */
  eligible: boolean;
  /** The last drain, if it is still in force: not cancelled, and the node not made eligible since. */
  drain?: Drain;
  /** Our record of the last drain, if that is not in force any more. */
  ended?: DrainRecord;
  /** The allocations that the token sees; absent if they were not read. */
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
  /** When Nomad kills what still runs, whoever set it; `never` for a drain without a deadline. Absent if it was not read. */
  deadlineAt?: number | 'never';
  /** Nomad killed what was left, because the drain's deadline was reached. */
  deadlineReached?: boolean;
  /** Our record, if the drain is ours; absent for another tool's drain. */
  ours?: DrainRecord;
}

/** What must be remembered of a drain; it is stored in `LastDrain.Meta`. Times are milliseconds since the epoch. */
export interface DrainRecord {
  instanceId: string;
  token?: string;
  waitingSince?: number;
  deadlineAt?: number;
  forcedAt?: number;
  /** For a drain that began before Auto Scaling held the instance: why. */
  notice?: Notice['kind'];
  /** By when the notice wants the node drained. */
  drainedBy?: number;
  /** When the node is made eligible again, if its instance is in service then. Absent: as soon as it is back. */
  restoreAt?: number;
}

/** The allocations that keep the instance alive. */
export function remaining(node: NomadNode, policy: { ignoreSystemJobs: boolean }): Allocation[] {
  return (node.allocations ?? []).filter(
    (allocation) => isAlive(allocation, node) && !(policy.ignoreSystemJobs && allocation.jobType === 'system'),
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
  const ended = allocations.filter(({ clientStatus }) => isClientTerminal(clientStatus));
  return Math.max(startedAt, ...ended.map(({ changedAt }) => changedAt));
}

/** When Nomad kills what still runs, milliseconds since the epoch; undefined if that is unknown, or never. */
export function deadlineOf(drain: Drain | undefined): number | undefined {
  const at = drain?.deadlineAt ?? drain?.ours?.deadlineAt;
  return at === 'never' ? undefined : at;
}
