/** Nomad's own objects, with the fields that the emulator reads or writes. Names and units are those of its HTTP API. */

export interface NodeEvent {
  Timestamp: string;
  Subsystem: 'Cluster' | 'Drain';
  Message: string;
  Details: Record<string, string> | null;
  CreateIndex: number;
}

export interface DrainStrategy {
  /** Nanoseconds; 0 is no deadline, negative is a forced drain. */
  Deadline: number;
  IgnoreSystemJobs: boolean;
  /** Null where there is none, or the drain is forced. */
  ForceDeadline: string | null;
  StartedAt: string;
}

export interface LastDrain {
  AccessorID: string;
  Meta: Record<string, string> | null;
  StartedAt: string;
  Status: 'draining' | 'complete' | 'canceled';
  UpdatedAt: string;
}

export interface Node {
  ID: string;
  Name: string;
  HTTPAddr: string;
  Datacenter: string;
  NodeClass: string;
  NodePool: string;
  Attributes: Record<string, string>;
  Meta: Record<string, string>;
  Status: 'initializing' | 'ready' | 'down' | 'disconnected';
  StatusUpdatedAt: number;
  SchedulingEligibility: 'eligible' | 'ineligible';
  DrainStrategy: DrainStrategy | null;
  Drain: boolean;
  LastDrain: LastDrain | null;
  Events: NodeEvent[];
  Drivers: Record<string, unknown>;
  /** `ID`: empty of a static one. */
  HostVolumes: Record<string, { ID: string; Name: string; Path: string; ReadOnly: boolean }>;
  NodeResources: { Cpu: { CpuShares: number }; Memory: { MemoryMB: number }; [other: string]: unknown };
  CreateIndex: number;
  ModifyIndex: number;
  [other: string]: unknown;
}

export type JobType = 'service' | 'batch' | 'system' | 'sysbatch';

export interface Constraint {
  LTarget: string;
  Operand: string;
  RTarget: string;
}

export interface Task {
  Name: string;
  Meta: Record<string, string> | null;
  /** Nanoseconds. */
  KillTimeout: number;
  /** Nanoseconds, before its kill signal. */
  ShutdownDelay: number;
  Constraints: Constraint[] | null;
  CSIPluginConfig: Record<string, unknown> | null;
  Lifecycle: { Hook: 'prestart' | 'poststart' | 'poststop'; Sidecar: boolean } | null;
  /** Its end is the end of its group's other tasks. */
  Leader: boolean;
  Resources: { CPU: number; MemoryMB: number; MemoryMaxMB: number; [other: string]: unknown };
  [other: string]: unknown;
}

/** Of allocations that failed: how often, and after what delay, others take their place. Times in nanoseconds. */
export interface ReschedulePolicy {
  Attempts: number;
  Interval: number;
  Delay: number;
  DelayFunction: 'constant' | 'exponential' | 'fibonacci';
  MaxDelay: number;
  Unlimited: boolean;
}

/** Of tasks that ended, where they are. Times in nanoseconds. */
export interface RestartPolicy {
  Attempts: number;
  Interval: number;
  Delay: number;
  Mode: 'fail' | 'delay';
  [other: string]: unknown;
}

export interface TaskGroup {
  Name: string;
  Count: number;
  Constraints: Constraint[] | null;
  /** Only services migrate; null elsewhere. Times in nanoseconds. */
  Migrate: { MaxParallel: number; MinHealthyTime: number; HealthCheck: string; HealthyDeadline: number } | null;
  Update: { MinHealthyTime: number; [other: string]: unknown } | null;
  EphemeralDisk: { Migrate: boolean; Sticky: boolean; SizeMB: number };
  Volumes: Record<string, { Type: string; Source: string; ReadOnly?: boolean; Sticky?: boolean }> | null;
  Disconnect: { LostAfter?: number | null; Replace?: boolean | null } | null;
  MaxClientDisconnect: number | null;
  /** 1.7 to 1.9; 2.0 ignores it. */
  PreventRescheduleOnLost: boolean;
  RestartPolicy: RestartPolicy;
  /** Nanoseconds, before its tasks are told to stop. */
  ShutdownDelay: number | null;
  /** Of builds: nanoseconds from the creation of an allocation until its client kills it. Absent before 2.0.3. */
  MaxRunDuration?: number | null;
  /** Null of system jobs. */
  ReschedulePolicy: ReschedulePolicy | null;
  Tasks: Task[];
  [other: string]: unknown;
}

export interface Job {
  ID: string;
  Name: string;
  Namespace: string;
  Type: JobType;
  Priority: number;
  Datacenters: string[];
  NodePool: string;
  Constraints: Constraint[] | null;
  TaskGroups: TaskGroup[];
  Stop: boolean;
  Status: 'pending' | 'running' | 'dead';
  Version: number;
  SubmitTime: number;
  CreateIndex: number;
  ModifyIndex: number;
  JobModifyIndex: number;
  [other: string]: unknown;
}

export interface TaskEvent {
  Type: string;
  Time: number;
  DisplayMessage: string;
  Details: Record<string, string>;
  ExitCode: number;
  Signal: number;
  [other: string]: unknown;
}

export interface TaskState {
  State: 'pending' | 'running' | 'dead';
  Failed: boolean;
  Restarts: number;
  LastRestart: string | null;
  StartedAt: string | null;
  FinishedAt: string | null;
  Events: TaskEvent[];
  [other: string]: unknown;
}

export type ClientStatus = 'pending' | 'running' | 'complete' | 'failed' | 'lost' | 'unknown';

/** Why the scheduler could, or could not, place a task group. */
export interface AllocMetric {
  NodesEvaluated: number;
  NodesFiltered: number;
  NodesInPool: number;
  NodePool: string;
  NodesAvailable: Record<string, number>;
  NodesExhausted: number;
  ConstraintFiltered: Record<string, number> | null;
  DimensionExhausted: Record<string, number> | null;
  ResourcesExhausted: Record<string, Record<string, unknown>> | null;
  [other: string]: unknown;
}

export interface Allocation {
  ID: string;
  EvalID: string;
  Name: string;
  Namespace: string;
  NodeID: string;
  NodeName: string;
  JobID: string;
  Job: Job;
  TaskGroup: string;
  ClientStatus: ClientStatus;
  ClientDescription: string;
  DesiredStatus: 'run' | 'stop';
  DesiredDescription: string;
  DesiredTransition: { Migrate: true | null; MigrateDisablePlacement: true | null };
  DeploymentID: string;
  DeploymentStatus: { Healthy: boolean; Timestamp: string; Canary: boolean; ModifyIndex: number } | null;
  NextAllocation: string;
  PreviousAllocation: string;
  /** The evaluation that will look at it later; empty where none will. */
  FollowupEvalID: string;
  RescheduleTracker: { Events: RescheduleEvent[]; LastReschedule: 'ok' } | null;
  /** When it became unknown, and when it was known again. */
  AllocStates: { Field: 'client_status'; Value: string; Time: string }[] | null;
  TaskStates: Record<string, TaskState> | null;
  Metrics: AllocMetric;
  /** All nanoseconds since the epoch. */
  CreateTime: number;
  ModifyTime: number;
  CreateIndex: number;
  AllocModifyIndex: number;
  ModifyIndex: number;
}

interface RescheduleEvent {
  RescheduleTime: number;
  PrevAllocID: string;
  PrevNodeID: string;
  Delay: number;
}

export interface Namespace {
  Name: string;
  Description: string;
  CreateIndex: number;
  ModifyIndex: number;
  [other: string]: unknown;
}

export const clientTerminalStatus = (status: ClientStatus): boolean =>
  status === 'complete' || status === 'failed' || status === 'lost';

export const clientTerminal = ({ ClientStatus }: Allocation): boolean => clientTerminalStatus(ClientStatus);

/** Terminal for the servers: told to stop, whether or not its tasks have stopped yet. */
export const terminal = (allocation: Allocation): boolean =>
  allocation.DesiredStatus === 'stop' || clientTerminal(allocation);

export const groupOf = (allocation: Allocation): TaskGroup => {
  const group = allocation.Job.TaskGroups.find(({ Name }) => Name === allocation.TaskGroup);
  if (!group) throw new Error(`allocation ${allocation.ID} of a group that its job does not have`);
  return group;
};

/** CSI plugins are drained last, like system jobs. */
export const isPlugin = (job: Job): boolean =>
  job.TaskGroups.some(({ Tasks }) => Tasks.some((task) => task.CSIPluginConfig !== null));
