import type { Allocation, Task } from '../../core/model/allocation.ts';
import { JOB_DRAIN_KEY, readJobDrain } from '../../core/model/job-drain.ts';
import { own, type ResourcesJson } from './node.ts';

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
  Job: { Type: string; Meta?: Record<string, string> | null; TaskGroups: TaskGroupJson[] | null } | null;
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

/** Durations in nanoseconds. */
export interface TaskGroupJson {
  Name: string;
  Meta?: Record<string, string> | null;
  EphemeralDisk: { Migrate: boolean } | null;
  ShutdownDelay?: number | null;
  /** Of builds, since 2.0.3: from the creation of an allocation until its client kills it. */
  MaxRunDuration?: number | null;
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

/** @param jobMeta what the job says of drains is read too */
export function toAllocation(json: AllocationJson, skewMs = 0, { jobMeta } = { jobMeta: false }): Allocation {
  const group = groupOf(json);
  const tasks = Object.entries(json.TaskStates ?? {});
  const kills = tasks.flatMap(([, { Events }]) => Events ?? []).filter(({ Type }) => Type === 'Killing');
  const migrating = json.DesiredTransition?.Migrate === true;
  const asks = own(group?.Meta, JOB_DRAIN_KEY) ?? own(json.Job?.Meta, JOB_DRAIN_KEY);
  const createdAt = toMs(json.CreateTime) - skewMs;
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
    createdAt,
    changedAt: toMs(json.ModifyTime) - skewMs,
    ...(group?.MaxRunDuration && { endsBy: createdAt + toMs(group.MaxRunDuration) }),
    ...(migrating && kills.length > 0 && { killedAt: Math.max(...kills.map(({ Time }) => toMs(Time))) - skewMs }),
    tasks: tasks.map(([name, { State }]): Task => ({ name, state: State, poststop: isPoststop(group, name) })),
    ...(jobMeta && asks !== undefined && { drain: readJobDrain(asks) }),
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
