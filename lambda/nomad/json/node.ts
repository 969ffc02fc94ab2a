import { iso } from '../../core/basics.ts';
import type { Drain, DrainRecord, NomadNode } from '../../core/model/node.ts';
import type { Notice } from '../../core/model/notice.ts';
import { UNKNOWN_SKEW_MS } from '../clock-skew.ts';

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
  Drivers: Record<string, { Detected: boolean; Healthy: boolean; HealthDescription: string }> | null;
  Meta: Record<string, string> | null;
}

/** An event of a node, which keeps its last ten. */
interface NodeEventJson {
  Message: string;
  Timestamp: string;
  Details: Record<string, string> | null;
  /** The Raft index of what it tells. */
  CreateIndex: number;
}

/** What a node has, or keeps back; what a task takes. CPU in MHz. */
export interface ResourcesJson {
  Cpu: { CpuShares: number };
  Memory: { MemoryMB: number };
}

/** The servers that an agent knows, in every region. */
export interface MembersJson {
  ServerRegion: string;
  Members: { Name: string; Status: string; Tags: { build?: string; region?: string } }[];
}

/** What a map of Nomad's has under a name that users choose, such as `constructor`. */
export const own = <T>(map: Readonly<Record<string, T>> | null | undefined, name: string): T | undefined =>
  map && Object.hasOwn(map, name) ? map[name] : undefined;

/** A node in a list that is asked for with resources. */
export interface NodeInList {
  ID: string;
  Name: string;
  /** Of its agent, such as `1.11.3` or `2.0.6-dev`. */
  Version: string;
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
    ...(meta.auto_scaling_group && { group: meta.auto_scaling_group }),
    ...(meta.nomad_leader && { leader: meta.nomad_leader }),
    ...(waitingSince !== undefined && { waitingSince }),
    ...(deadlineAt !== undefined && { deadlineAt }),
    ...(meta.deadline_for_jobs === 'true' && { forJobs: true as const }),
    ...(forcedAt !== undefined && { forcedAt }),
    ...(meta.given_up === 'true' && { gaveUp: true as const }),
    ...(isNotice(meta.notice) && { notice: meta.notice }),
    ...(drainedBy !== undefined && { drainedBy }),
    ...(restoreAt !== undefined && { restoreAt }),
  };
}

export function toMeta(record: DrainRecord): Record<string, string> {
  return {
    drained_by: DRAINED_BY,
    aws_instance_id: record.instanceId,
    ...(record.group && { auto_scaling_group: record.group }),
    ...(record.deployment && { deployment: record.deployment }),
    ...(record.leader && { nomad_leader: record.leader }),
    ...(record.waitingSince !== undefined && { waiting_since: iso(record.waitingSince) }),
    ...(record.deadlineAt !== undefined && { deadline_at: iso(record.deadlineAt) }),
    ...(record.forJobs && { deadline_for_jobs: 'true' }),
    ...(record.forcedAt !== undefined && { forced_at: iso(record.forcedAt) }),
    ...(record.gaveUp && { given_up: 'true' }),
    ...(record.notice && { notice: record.notice }),
    ...(record.drainedBy !== undefined && { to_be_drained_by: iso(record.drainedBy) }),
    ...(record.restoreAt !== undefined && { restore_at: iso(record.restoreAt) }),
  };
}

const isNotice = (text: string | undefined): text is Notice['kind'] =>
  text === 'spot' || text === 'reservation' || text === 'rebalance' || text === 'maintenance';
