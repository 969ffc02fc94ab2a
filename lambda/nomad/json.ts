import type { Allocation, Task } from '../core/allocation.ts';
import { iso } from '../core/iso.ts';
import type { Drain, DrainRecord, NomadNode } from '../core/node.ts';
import type { Notice } from '../core/notice.ts';
import { UNKNOWN_SKEW_MS } from './clock-skew.ts';

/** Nomad's JSON, as far as we read it, and its translation into the types of the core. */

export interface NodeStub {
  ID: string;
  Name: string;
  /** Where its agent answers, without the port. Only a list has it. */
  Address: string;
  Datacenter: string;
  NodePool: string;
  CreateIndex: number;
  Status: NomadNode['status'];
  SchedulingEligibility: 'eligible' | 'ineligible';
  ModifyIndex: number;
  LastDrain: {
    Status: 'draining' | 'complete' | 'canceled';
    StartedAt: string;
    UpdatedAt: string;
    Meta: Record<string, string> | null;
  } | null;
}

/** A node that is read by its id: with its events and the drain that is on. */
export interface NodeJson extends NodeStub {
  /** Seconds since the epoch: when its status, its drain or its eligibility last changed. */
  StatusUpdatedAt: number;
  /** `ForceDeadline` is null for a drain without a deadline, and for a forced one. */
  DrainStrategy: { Deadline: number; ForceDeadline: string | null } | null;
  Events: NodeEventJson[] | null;
  Attributes: Record<string, string> | null;
  Meta: Record<string, string> | null;
}

/** An event of a node, which keeps its last ten. */
export interface NodeEventJson {
  Message: string;
  Timestamp: string;
  Details: Record<string, string> | null;
  /** The Raft index of what it tells. */
  CreateIndex: number;
}

export interface AllocationJson {
  ID: string;
  NodeID: string;
  JobID: string;
  Namespace: string;
  TaskGroup: string;
  ClientStatus: string;
  DesiredStatus: string;
  CreateTime: number;
  ModifyTime: number;
  DesiredTransition?: { Migrate: boolean | null };
  TaskStates?: Record<string, { State: string; Events: { Type: string; Time: number }[] | null }> | null;
  NextAllocation?: string;
  Job: { Type: string; TaskGroups: TaskGroupJson[] | null } | null;
}

/** An allocation in the list of its job, as far as we read it. */
export interface AllocationStub {
  TaskGroup: string;
  ClientStatus: string;
  DesiredStatus: string;
  CreateTime: number;
  DeploymentStatus: { Healthy: boolean | null } | null;
  TaskStates: Record<string, { Events: { Type: string; Time: number; DisplayMessage: string }[] | null }> | null;
}

/** What a node has, or keeps back; what a task takes. CPU in MHz. */
interface ResourcesJson {
  Cpu: { CpuShares: number };
  Memory: { MemoryMB: number };
}

/** The servers that an agent knows, in every region. */
export interface MembersJson {
  ServerRegion: string;
  Members: { Name: string; Status: string; Tags: { build?: string; region?: string } }[];
}

/** What a map of Nomad's has under a name that anybody may choose, such as `constructor`. */
export const own = <T>(map: Readonly<Record<string, T>> | null | undefined, name: string): T | undefined =>
  map && Object.hasOwn(map, name) ? map[name] : undefined;

/** A node in a list that is asked for with resources. */
export interface NodeInList {
  ID: string;
  Name: string;
  Status: string;
  SchedulingEligibility: string;
  Drain: boolean;
  LastDrain: NodeStub['LastDrain'];
  Datacenter: string;
  NodeClass: string;
  NodePool: string;
  Drivers: Record<string, { Healthy: boolean }> | null;
  /** Since 1.10 with the `ID` of a dynamic one, empty of a static one. */
  HostVolumes: Record<string, { ReadOnly: boolean; ID?: string }> | null;
  CreateIndex: number;
  NodeResources?: ResourcesJson | null;
  ReservedResources?: ResourcesJson | null;
}

/** An allocation in a list across nodes, without its job. Times are nanoseconds since the epoch. */
export interface AllocationInList {
  ID: string;
  NodeID: string;
  NodeName: string;
  JobID: string;
  JobType: string;
  Namespace: string;
  TaskGroup: string;
  ClientStatus: string;
  DesiredStatus: string;
  DesiredDescription: string;
  DesiredTransition?: { Migrate: boolean | null };
  CreateTime: number;
  ModifyTime: number;
  AllocatedResources?: {
    Tasks: Record<string, ResourcesJson> | null;
    /** When in the life of its allocation each task has its turn: null for a main task. */
    TaskLifecycles?: Record<string, { Hook: string; Sidecar: boolean } | null> | null;
  } | null;
}

/** An evaluation that could not place everything, and waits until something changes. */
export interface BlockedEvaluation {
  JobID: string;
  Namespace: string;
  CreateTime: number;
  FailedTGAllocs: Record<string, PlacementFailure> | null;
}

/** An evaluation that waits for room, for its time, or to be processed. */
export interface WaitingEvaluation extends BlockedEvaluation {
  Type: string;
  /** RFC 3339; absent, or the year 1, if it waits for no time. */
  WaitUntil?: string;
  StatusDescription?: string;
}

/** An evaluation that is in work, or waits for its turn or its time. */
export interface PendingEvaluation {
  CreateIndex: number;
  /** RFC 3339; absent, or the year 1, if it waits for no time. */
  WaitUntil?: string;
}

/** Why one task group could not be placed: the nodes that the scheduler considered, and why it rejected them. */
export interface PlacementFailure {
  NodePool?: string;
  /** Eligible nodes in the pool, by datacenter of the job. */
  NodesAvailable: Record<string, number> | null;
  /** Eligible nodes in the pool; Nomad 1.6 does not say. */
  NodesInPool?: number;
  NodesEvaluated: number;
  ConstraintFiltered: Record<string, number> | null;
  ClassFiltered: Record<string, number> | null;
  DimensionExhausted: Record<string, number> | null;
  QuotaExhausted: string[] | null;
  /** Further allocations of the group that could not be placed either. */
  CoalescedFailures?: number;
}

/** Durations in nanoseconds. */
export interface TaskGroupJson {
  Name: string;
  EphemeralDisk: { Migrate: boolean } | null;
  ShutdownDelay?: number | null;
  Tasks:
    | {
        Name: string;
        CSIPluginConfig?: unknown;
        Lifecycle?: { Hook: string } | null;
        Leader?: boolean;
        KillTimeout?: number;
        ShutdownDelay?: number;
      }[]
    | null;
}

/** Marks a drain as ours in `LastDrain.Meta`. */
export const DRAINED_BY = 'nomad-drain-hook';

/** What Nomad's answers are read by. */
export interface Reader {
  /** How far Nomad's clock is ahead of ours, in milliseconds; undefined if that is not known. */
  skewMs: number | undefined;
  /** Whose records are ours. */
  deployment: string;
}

export function toNode(json: NodeStub | NodeJson, reader: Reader): NomadNode {
  const drain = drainInForce(json, reader);
  const ended = drain ? undefined : ourRecord(json, reader.deployment);
  return {
    id: json.ID,
    name: json.Name,
    status: json.Status,
    eligible: json.SchedulingEligibility === 'eligible',
    ...(drain && { drain }),
    ...(ended && { ended }),
  };
}

/** The last drain, unless it was cancelled or the node was made eligible since: then it is no longer in force. */
function drainInForce(json: NodeStub | NodeJson, { skewMs, deployment }: Reader): Drain | undefined {
  const last = json.LastDrain;
  if (!last || last.Status === 'canceled' || json.SchedulingEligibility === 'eligible') return undefined;

  const events = ('Events' in json && json.Events) || [];
  const completed = events.findLastIndex(({ Message }) => Message === 'Node drain complete');
  const madeEligible = events.findLastIndex(({ Message }) => Message === 'Node marked as eligible for scheduling');
  if (last.Status === 'complete' && madeEligible > completed) return undefined;

  const ours = ourRecord(json, deployment);
  const strategy = 'DrainStrategy' in json ? json.DrainStrategy : null;
  const at = (time: string) => Date.parse(time) - (skewMs ?? 0);
  return {
    status: last.Status,
    startedAt: at(last.StartedAt),
    updatedAt: at(last.UpdatedAt),
    ...(strategy && { deadlineAt: deadlineOf(strategy, skewMs) }),
    deadlineReached: last.Status === 'complete' && events[completed]?.Details?.deadline_reached === 'true',
    ...(ours && { ours }),
  };
}

/** When Nomad kills what is left, by our clock; as late as it may be where Nomad does not say what its clock shows. */
function deadlineOf(
  { Deadline, ForceDeadline }: NonNullable<NodeJson['DrainStrategy']>,
  skewMs = -UNKNOWN_SKEW_MS,
): number | 'never' {
  if (Deadline === 0) return 'never';
  // The deadline of a forced drain is now.
  return ForceDeadline === null ? 0 : Date.parse(ForceDeadline) - skewMs;
}

/** Since when a node is ineligible without a break, and the Raft index of that. */
export function ineligibleSince(json: NodeJson, skewMs = 0): { at: number; index: number } {
  const seen = (event: NodeEventJson) => ({ at: Date.parse(event.Timestamp) - skewMs, index: event.CreateIndex });
  // Other events have pushed out the one that tells: not before its status, its drain or its eligibility last changed.
  let since: { at: number; index: number } | undefined;
  let atTheLatest = { at: (json.StatusUpdatedAt + 1) * 1000 - skewMs, index: json.ModifyIndex };
  for (const event of json.Events ?? []) {
    if (event.Message === 'Node marked as eligible for scheduling') since = undefined;
    if (event.Message === 'Node drain disabled') {
      // It may have made the node eligible. If not, the node has been ineligible since then at the latest.
      since = undefined;
      atTheLatest = seen(event);
    }
    if (MAKES_INELIGIBLE.includes(event.Message)) since ??= seen(event);
  }
  return since ?? atTheLatest;
}

const MAKES_INELIGIBLE = ['Node drain strategy set', 'Node marked as ineligible for scheduling'];

/** The record of the last drain, if this deployment has written it. */
export function ourRecord({ LastDrain }: NodeStub, deployment: string): DrainRecord | undefined {
  const record = toRecord(LastDrain?.Meta ?? null);
  return record?.deployment === deployment ? record : undefined;
}

export function toRecord(meta: Record<string, string> | null): DrainRecord | undefined {
  if (meta?.drained_by !== DRAINED_BY || !meta.aws_instance_id) return undefined;
  const time = (text: string | undefined) => (text && Number.isFinite(Date.parse(text)) ? Date.parse(text) : undefined);
  const waitingSince = time(meta.waiting_since);
  const deadlineAt = time(meta.deadline_at);
  const forcedAt = time(meta.forced_at);
  const drainedBy = time(meta.to_be_drained_by);
  const restoreAt = time(meta.restore_at);
  return {
    instanceId: meta.aws_instance_id,
    ...(meta.deployment && { deployment: meta.deployment }),
    ...(meta.nomad_leader && { leader: meta.nomad_leader }),
    ...(waitingSince !== undefined && { waitingSince }),
    ...(deadlineAt !== undefined && { deadlineAt }),
    ...(forcedAt !== undefined && { forcedAt }),
    ...(isNotice(meta.notice) && { notice: meta.notice }),
    ...(drainedBy !== undefined && { drainedBy }),
    ...(restoreAt !== undefined && { restoreAt }),
  };
}

export function toMeta(record: DrainRecord): Record<string, string> {
  return {
    drained_by: DRAINED_BY,
    aws_instance_id: record.instanceId,
    ...(record.deployment && { deployment: record.deployment }),
    ...(record.leader && { nomad_leader: record.leader }),
    ...(record.waitingSince !== undefined && { waiting_since: iso(record.waitingSince) }),
    ...(record.deadlineAt !== undefined && { deadline_at: iso(record.deadlineAt) }),
    ...(record.forcedAt !== undefined && { forced_at: iso(record.forcedAt) }),
    ...(record.notice && { notice: record.notice }),
    ...(record.drainedBy !== undefined && { to_be_drained_by: iso(record.drainedBy) }),
    ...(record.restoreAt !== undefined && { restore_at: iso(record.restoreAt) }),
  };
}

const isNotice = (text: string | undefined): text is Notice['kind'] =>
  text === 'spot' || text === 'reservation' || text === 'rebalance' || text === 'maintenance';

export function toAllocation(json: AllocationJson, skewMs = 0): Allocation {
  const group = groupOf(json);
  const tasks = Object.entries(json.TaskStates ?? {});
  const kills = tasks.flatMap(([, { Events }]) => Events ?? []).filter(({ Type }) => Type === 'Killing');
  const migrating = json.DesiredTransition?.Migrate === true;
  return {
    id: json.ID,
    job: json.JobID,
    jobType: json.Job?.Type ?? 'unknown',
    namespace: json.Namespace,
    taskGroup: json.TaskGroup,
    clientStatus: json.ClientStatus,
    desiredStatus: json.DesiredStatus,
    migrating,
    stopsLast: json.Job?.Type === 'system' || isPlugin(json),
    createdAt: toMs(json.CreateTime) - skewMs,
    changedAt: toMs(json.ModifyTime) - skewMs,
    ...(migrating && kills.length > 0 && { killedAt: Math.max(...kills.map(({ Time }) => toMs(Time))) - skewMs }),
    tasks: tasks.map(([name, { State }]): Task => ({ name, state: State, poststop: isPoststop(group, name) })),
    ...(json.NextAllocation && group?.EphemeralDisk?.Migrate && { diskGoesTo: json.NextAllocation }),
  };
}

/** An allocation of a list: its tasks are not known, nor whether it is a plugin, nor where its disk goes. */
export function toListedAllocation(json: AllocationInList): Allocation {
  return {
    id: json.ID,
    job: json.JobID,
    jobType: json.JobType,
    namespace: json.Namespace,
    taskGroup: json.TaskGroup,
    clientStatus: json.ClientStatus,
    desiredStatus: json.DesiredStatus,
    migrating: json.DesiredTransition?.Migrate === true,
    stopsLast: json.JobType === 'system',
    createdAt: toMs(json.CreateTime),
    changedAt: toMs(json.ModifyTime),
    tasks: [],
  };
}

/** An allocation without a task event still copies its ephemeral disk: its client sets the tasks up after that. */
export function isCopying({ ClientStatus, TaskStates }: AllocationJson): boolean {
  const events = Object.values(TaskStates ?? {}).flatMap(({ Events }) => Events ?? []);
  return ClientStatus === 'pending' && events.length === 0;
}

const toMs = (nanoseconds: number) => Math.floor(nanoseconds / 1e6);

const groupOf = ({ Job, TaskGroup }: AllocationJson): TaskGroupJson | undefined =>
  Job?.TaskGroups?.find(({ Name }) => Name === TaskGroup);

/** If the job does not say what a task is, it may be one that has yet to run. */
function isPoststop(group: TaskGroupJson | undefined, name: string): boolean {
  const task = group?.Tasks?.find(({ Name }) => Name === name);
  return task === undefined || task.Lifecycle?.Hook === 'poststop';
}

function isPlugin({ Job }: AllocationJson): boolean {
  return (Job?.TaskGroups ?? []).some(({ Tasks }) => Tasks?.some(({ CSIPluginConfig }) => CSIPluginConfig));
}
