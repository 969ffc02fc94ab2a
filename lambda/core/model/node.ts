import { type Allocation, isAlive, isClientTerminal } from './allocation.ts';
import type { EpochMs } from './clock.ts';
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
  /** When they were asked for. */
  readAt?: EpochMs;
  /** Replacements elsewhere that still copy their ephemeral disk from this node. */
  copying?: Allocation[];
  /** Allocations that Nomad's servers have forgotten while they ran, and until when their client may still stop them. */
  forgotten?: { count: number; until: number };
  /** What tells whether its list of allocations can still grow. Read for a proof alone. */
  settling?: Settling;
  /** What tells whether its instance may be put into service. Read for the proof of a launch alone. */
  readiness?: Readiness;
}

/** What a node says of itself before its instance is put into service. */
export interface Readiness {
  /** Its task drivers, by name. */
  drivers: ReadonlyMap<string, DriverHealth>;
  /** For how long its status and its eligibility have not changed, in milliseconds. */
  settledForMs: number;
  /** Why it is ineligible: it registered so (`default_ineligible`), our last drain has made it so, or something else. */
  ineligible?: 'by default' | 'by our drain' | 'by another';
}

export interface DriverHealth {
  healthy: boolean;
  /** In Nomad's words. */
  description: string;
}

/**
 * Whether something may still be placed on an ineligible node: Nomad plans on a snapshot and commits later, and checks a plan against
 * the snapshot that its leader has (`evaluateNodePlan` in nomad/plan_apply.go).
 */
export interface Settling {
  /** For how long it had been ineligible when its allocations were read, in milliseconds. */
  ineligibleForMs: number;
  /** Nomad has the leader that it had when the drain began. */
  sameLeader: boolean;
  /** Evaluations that Nomad had begun before, and had not ended; 0 too where the token may not read them. */
  olderEvaluations: number;
}

/** A drain in force. */
export interface Drain {
  status: 'draining' | 'complete';
  startedAt: EpochMs;
  /** Of a complete drain: when Nomad completed it. */
  updatedAt: EpochMs;
  /** When Nomad kills what still runs, by any drain; `never` for a drain without a deadline. Absent if it was not read. */
  deadlineAt?: EpochMs | 'never';
  /** Nomad killed what was left, because the drain's deadline was reached. */
  deadlineReached?: boolean;
  /** Our record, if the drain is ours; absent for another tool's drain. */
  ours?: DrainRecord;
}

/** What must be remembered of a drain; it is stored in `LastDrain.Meta`. */
export interface DrainRecord {
  instanceId: string;
  /** The Auto Scaling group of the instance. */
  group?: string;
  /** Which deployment of this software has asked for the drain. */
  deployment?: string;
  /** The address of Nomad's leader just before. */
  leader?: string;
  waitingSince?: EpochMs;
  deadlineAt?: EpochMs;
  /** That deadline is later than the policy's, for a job that asks for it. */
  forJobs?: true;
  forcedAt?: EpochMs;
  /** For a drain that began before Auto Scaling held the instance: why. */
  notice?: Notice['kind'];
  /** By when the notice wants the node drained. */
  drainedBy?: EpochMs;
  /** It was drained because its instance will not be put into service. */
  gaveUp?: true;
  /** When the node is made eligible again, if its instance is in service then. Absent: as soon as it is back. */
  restoreAt?: EpochMs;
}

/** The allocations that keep the instance alive. */
export function remaining(node: NomadNode, policy: { ignoreSystemJobs: boolean }): Allocation[] {
  return (node.allocations ?? []).filter((allocation) => holds(allocation, node, policy));
}

/** Whether an allocation of this node keeps its instance alive. */
export function holds(allocation: Allocation, on: NomadNode, policy: { ignoreSystemJobs: boolean }): boolean {
  if (policy.ignoreSystemJobs && allocation.jobType === 'system') return false;
  return isAlive(allocation, on) && allocation.drain?.seconds !== 0;
}

/** The allocations that a drain deadline, or a forced drain, has killed. System jobs and plugins are always stopped last. */
export function killed({ drain, allocations = [] }: NomadNode): Allocation[] {
  if (drain?.status !== 'complete' || !(drain.deadlineReached || drain.ours?.forcedAt !== undefined)) return [];
  return allocations.filter(
    ({ killedAt, stopsLast }) => !stopsLast && killedAt !== undefined && killedAt >= drain.updatedAt,
  );
}

/** When the last allocation of a drained node ended: not before its drain began. */
export function emptySince({ startedAt }: Drain, allocations: readonly Allocation[]): EpochMs {
  const ended = allocations.filter(({ clientStatus }) => isClientTerminal(clientStatus));
  return Math.max(startedAt, ...ended.map(({ changedAt }) => changedAt));
}

/** When Nomad kills what still runs; undefined if that is unknown, or never. */
export function deadlineOf(drain: Drain | undefined): EpochMs | undefined {
  const at = drain?.deadlineAt ?? drain?.ours?.deadlineAt;
  return at === 'never' ? undefined : at;
}
