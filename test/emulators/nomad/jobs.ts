import type { Constraint, Job, JobType, Task, TaskGroup } from './model.ts';
import { NO_RESOURCES } from './placement.ts';

const SECOND = 1e9;

/** What a test asks for in a few words; durations in seconds. */
export interface JobSpec {
  id: string;
  type?: JobType;
  namespace?: string;
  /** Allocations of the one group `g`; system jobs have one per node. */
  count?: number;
  /** Only on this node. */
  on?: string;
  constraints?: Constraint[];
  pool?: string;
  /** The task ends by itself after so long; absent: it runs until it is stopped. */
  runSeconds?: number;
  exitCode?: number;
  /** How long the task takes to stop after the kill signal. */
  stopSeconds?: number;
  killTimeoutSeconds?: number;
  cpu?: number;
  memoryMb?: number;
  /** The group's ephemeral disk moves with it; copying it takes so long. */
  migrateDisk?: { copySeconds: number };
  maxParallel?: number;
  minHealthySeconds?: number;
  csiPlugin?: boolean;
  /** Survives so long without its client as `unknown`. */
  lostAfterSeconds?: number;
  stderr?: string;
}

/** The job as the HTTP API takes it: the emulator reads what a task does from its Meta. */
export const jobOf = (spec: JobSpec): Partial<Job> => {
  const meta: Record<string, string> = {};
  if (spec.runSeconds !== undefined) meta['emulate.run_seconds'] = String(spec.runSeconds);
  if (spec.exitCode !== undefined) meta['emulate.exit_code'] = String(spec.exitCode);
  if (spec.stopSeconds !== undefined) meta['emulate.stop_seconds'] = String(spec.stopSeconds);
  if (spec.migrateDisk) meta['emulate.copy_seconds'] = String(spec.migrateDisk.copySeconds);
  if (spec.stderr !== undefined) meta['emulate.stderr'] = spec.stderr;
  const minHealthy = (spec.minHealthySeconds ?? 10) * SECOND;
  const migrate = Boolean(spec.migrateDisk);
  const task = {
    Name: 't',
    Driver: 'raw_exec',
    Config: { command: '/bin/sh', args: ['-c', 'true'] },
    Meta: meta,
    KillTimeout: (spec.killTimeoutSeconds ?? 5) * SECOND,
    CSIPluginConfig: spec.csiPlugin ? { ID: spec.id, Type: 'node', MountDir: '/csi' } : null,
    Resources: { CPU: spec.cpu ?? 20, MemoryMB: spec.memoryMb ?? 20 },
  };
  const on = spec.on === undefined ? [] : [onlyOn(spec.on)];
  const job = {
    ID: spec.id,
    Type: spec.type ?? 'batch',
    Namespace: spec.namespace ?? 'default',
    NodePool: spec.pool ?? 'default',
    Constraints: [...(spec.constraints ?? []), ...on],
    TaskGroups: [
      {
        Name: 'g',
        Count: spec.count ?? 1,
        ...(spec.type === 'service'
          ? {
              Migrate: { MaxParallel: spec.maxParallel ?? 1, MinHealthyTime: minHealthy },
              Update: { MinHealthyTime: minHealthy },
            }
          : {}),
        EphemeralDisk: { Migrate: migrate, Sticky: migrate, SizeMB: 20 },
        ...(spec.lostAfterSeconds === undefined
          ? {}
          : { Disconnect: { LostAfter: spec.lostAfterSeconds * SECOND, Replace: true } }),
        Tasks: [task],
      },
    ],
  };
  return job as unknown as Partial<Job>;
};

// biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own interpolation.
const onlyOn = (nodeId: string): Constraint => ({ LTarget: '${node.unique.id}', Operand: '=', RTarget: nodeId });

export class JobError extends Error {
  override name = 'JobError';
}

/** Fills in what a registered job leaves out, with Nomad's defaults. */
export const canonicalJob = (given: Partial<Job>): Job => {
  if (!given.ID) throw new JobError('Job ID is required');
  if (!given.TaskGroups || given.TaskGroups.length === 0) throw new JobError('Missing job task groups');
  const Type = given.Type ?? 'service';
  const defaults = {
    Affinities: null,
    AllAtOnce: false,
    Constraints: null,
    ConsulNamespace: '',
    Datacenters: ['*'],
    DispatchIdempotencyToken: '',
    Dispatched: false,
    Meta: null,
    Multiregion: null,
    Name: given.ID,
    Namespace: 'default',
    NodePool: 'default',
    NomadTokenID: '',
    ParameterizedJob: null,
    ParentID: '',
    Payload: null,
    Periodic: null,
    Priority: 50,
    Region: 'global',
    Spreads: null,
    Stable: false,
    Status: 'pending' as const,
    StatusDescription: '',
    Stop: false,
    UI: null,
    Update: {
      AutoPromote: false,
      AutoRevert: false,
      Canary: 0,
      HealthCheck: '',
      HealthyDeadline: 0,
      MaxParallel: Type === 'batch' || Type === 'sysbatch' ? 0 : 1,
      MinHealthyTime: 0,
      ProgressDeadline: 0,
      Stagger: Type === 'batch' || Type === 'sysbatch' ? 0 : 30 * SECOND,
    },
    VaultNamespace: '',
    Version: 0,
    VersionTag: null,
    SubmitTime: 0,
    CreateIndex: 0,
    ModifyIndex: 0,
    JobModifyIndex: 0,
  };
  return {
    ...defaults,
    ...present(given),
    Type,
    TaskGroups: given.TaskGroups.map((group) => canonicalGroup(Type, group)),
  } as Job;
};

const canonicalGroup = (type: JobType, given: Partial<TaskGroup>): TaskGroup => {
  const migrate = { HealthCheck: 'checks', HealthyDeadline: 300 * SECOND, MaxParallel: 1, MinHealthyTime: 10 * SECOND };
  const update = {
    AutoPromote: false,
    AutoRevert: false,
    Canary: 0,
    HealthCheck: 'checks',
    HealthyDeadline: 300 * SECOND,
    MaxParallel: 1,
    MinHealthyTime: 10 * SECOND,
    ProgressDeadline: 600 * SECOND,
    Stagger: 30 * SECOND,
  };
  const rolling = type === 'service' || type === 'system';
  return {
    Affinities: null,
    Constraints: null,
    Consul: null,
    Count: 1,
    Disconnect: null,
    MaxClientDisconnect: null,
    MaxRunDuration: null,
    Meta: null,
    Networks: null,
    PreventRescheduleOnLost: false,
    ReschedulePolicy: null,
    RestartPolicy: null,
    Scaling: null,
    Services: null,
    ShutdownDelay: null,
    Spreads: null,
    StopAfterClientDisconnect: null,
    Volumes: null,
    Name: 'g',
    ...present(given),
    Migrate: type === 'service' ? { ...migrate, ...present(given.Migrate ?? {}) } : null,
    Update: rolling ? { ...update, ...present(given.Update ?? {}) } : null,
    EphemeralDisk: { Migrate: false, Sticky: false, SizeMB: 300, ...present(given.EphemeralDisk ?? {}) },
    Tasks: (given.Tasks ?? []).map(canonicalTask),
  } as TaskGroup;
};

const canonicalTask = (given: Partial<Task>): Task =>
  ({
    Actions: null,
    Affinities: null,
    Artifacts: null,
    CSIPluginConfig: null,
    Config: null,
    Constraints: null,
    Driver: 'raw_exec',
    Env: null,
    KillSignal: '',
    KillTimeout: 5 * SECOND,
    Kind: '',
    Leader: false,
    Lifecycle: null,
    LogConfig: { Disabled: false, MaxFileSizeMB: 10, MaxFiles: 10 },
    Meta: null,
    Name: 't',
    Services: null,
    ShutdownDelay: 0,
    Templates: null,
    User: '',
    Vault: null,
    VolumeMounts: null,
    ...present(given),
    Resources: { ...NO_RESOURCES, CPU: 100, MemoryMB: 300, ...present(given.Resources ?? {}) },
  }) as Task;

/** Without what was sent as null: Nomad takes its defaults there. */
const present = <T extends object>(given: T): Partial<T> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null && value !== undefined)) as Partial<T>;
