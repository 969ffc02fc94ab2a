import type { Job, JobType, ReschedulePolicy, RestartPolicy, Task, TaskGroup } from '../model.ts';
import { hasMaxRunDuration, type Version } from '../version.ts';
import { NO_RESOURCES } from './placement.ts';

const SECOND = 1e9;
const HOUR = 3600 * SECOND;

export class JobError extends Error {
  override name = 'JobError';
}

/**
 * Fills in what a registered job leaves out, with Nomad's defaults.
 * @throws JobError if it is not valid
 */
export const canonicalJob = (given: Partial<Job>, version: Version): Job => {
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
    TaskGroups: given.TaskGroups.map((group) => limited(Type, canonicalGroup(Type, group), version)),
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
  const batch = type === 'batch' || type === 'sysbatch';
  const restart: RestartPolicy = {
    Attempts: batch ? 3 : 2,
    Delay: 15 * SECOND,
    Interval: batch ? 24 * HOUR : HOUR / 2,
    Mode: 'fail',
    RenderTemplates: false,
  };
  const rolling = type === 'service' || type === 'system';
  return {
    Affinities: null,
    Constraints: null,
    Consul: null,
    Count: 1,
    Disconnect: null,
    MaxClientDisconnect: null,
    Meta: null,
    Networks: null,
    PreventRescheduleOnLost: false,
    Scaling: null,
    Services: null,
    ShutdownDelay: null,
    Spreads: null,
    StopAfterClientDisconnect: null,
    Name: 'g',
    ...present(given),
    Volumes: volumesOf(given.Volumes),
    Migrate: type === 'service' ? { ...migrate, ...present(given.Migrate ?? {}) } : null,
    RestartPolicy: { ...restart, ...present(given.RestartPolicy ?? {}) },
    ReschedulePolicy: reschedulePolicy(type, given.ReschedulePolicy ?? {}),
    Update: rolling ? { ...update, ...present(given.Update ?? {}) } : null,
    EphemeralDisk: { Migrate: false, Sticky: false, SizeMB: 300, ...present(given.EphemeralDisk ?? {}) },
    Tasks: (given.Tasks ?? []).map(canonicalTask),
  } as TaskGroup;
};

/** With its `max_run_duration`, where this Nomad has such. */
const limited = (type: JobType, group: TaskGroup, version: Version): TaskGroup => {
  const { MaxRunDuration = null, ...unlimited } = group;
  if (!hasMaxRunDuration(version)) return unlimited as TaskGroup;
  const invalid = (problem: string) => {
    const text = `Task group ${group.Name} validation failed: 1 error occurred:\n\t* ${problem}`;
    return new JobError(`1 error occurred:\n\t* ${text}\n\n\n\n`);
  };
  if (MaxRunDuration !== null && MaxRunDuration <= 0) throw invalid('MaxRunDuration must be greater than zero');
  if (MaxRunDuration !== null && (type === 'service' || type === 'system')) {
    throw invalid(`Job type "${type}" does not allow max_run_duration`);
  }
  return { ...group, MaxRunDuration };
};

const volumesOf = (given: TaskGroup['Volumes'] | undefined): TaskGroup['Volumes'] => {
  const defaults = { ReadOnly: false, PerAlloc: false, AccessMode: '', AttachmentMode: '', MountOptions: null };
  if (!given) return null;
  return Object.fromEntries(
    Object.entries(given).map(([name, volume]) => [name, { Name: name, ...defaults, ...volume }]),
  );
};

/** Only services and builds are rescheduled; null elsewhere. */
const reschedulePolicy = (type: JobType, given: Partial<ReschedulePolicy>): ReschedulePolicy | null => {
  const service = { Attempts: 0, Delay: 30 * SECOND, DelayFunction: 'exponential', Interval: 0, MaxDelay: HOUR };
  const build = { Attempts: 1, Delay: 5 * SECOND, DelayFunction: 'constant', Interval: 24 * HOUR, MaxDelay: 0 };
  if (type === 'service') return { ...service, Unlimited: true, ...present(given) } as ReschedulePolicy;
  if (type === 'batch') return { ...build, Unlimited: false, ...present(given) } as ReschedulePolicy;
  return null;
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
