import type { Constraint, Job, JobType, ReschedulePolicy, Task } from '../model.ts';

const SECOND = 1e9;

/** What a task does; durations in seconds. */
interface Doings {
  /** It ends by itself after so long; absent: it runs until it is stopped. */
  runSeconds?: number;
  /** Of a task that ends by itself; 0 by default. Not 0: it failed, and its allocation with it. */
  exitCode?: number;
  /** How long it takes to stop after the kill signal; 0.2 by default. */
  stopSeconds?: number;
  /** 5 by default. */
  killTimeoutSeconds?: number;
  /** Before the kill signal; none by default. */
  shutdownDelaySeconds?: number;
  /** Pending for so long, with task events: it waits for a template or an artifact. */
  startSeconds?: number;
  /** That on this node only. */
  startsSlowlyOn?: string;
  stderr?: string;
  stdout?: string;
  /** It writes one line every this many seconds, the first at once; absent: all at its start. */
  lineSeconds?: number;
}

/** A task beside the main one. One that is to run once ends after a second, where nothing else is said. */
interface TaskSpec extends Doings {
  name: string;
  /** When it runs: before the main tasks, after their start, or after their end, however they ended. Absent: a main task. */
  hook?: 'prestart' | 'poststart' | 'poststop';
  /** Runs as long as the main tasks do, and is killed at their end. */
  sidecar?: boolean;
  /** At its end the others are killed. */
  leader?: boolean;
}

/** What a test asks for in a few words; durations in seconds. Its main task is `t`. */
export interface JobSpec extends Doings {
  id: string;
  type?: JobType;
  namespace?: string;
  /** The name of its one group; `g` by default. */
  taskGroup?: string;
  /** Allocations of the one group; system jobs have one per node. */
  count?: number;
  /** Only on this node. */
  on?: string;
  constraints?: Constraint[];
  pool?: string;
  /** Tasks beside `t`. */
  tasks?: TaskSpec[];
  /** A task `post` that runs so long when all others are dead, however they ended: the upload of a build's artifacts. */
  poststopSeconds?: number;
  /** How often, and after what delay, a task that ended is started again where it is; by default never. */
  restarts?: { attempts: number; delaySeconds: number };
  cpu?: number;
  memoryMb?: number;
  /** A host volume that the group asks for, to write on; sticky: it stays with the very one that it has had. */
  hostVolume?: { source: string; sticky?: boolean };
  /** The group's ephemeral disk moves with it; copying it takes so long. */
  migrateDisk?: { copySeconds: number };
  /** Before its tasks are told to stop; none by default. */
  groupShutdownDelaySeconds?: number;
  /** `max_run_duration` of the group; none by default. */
  maxRunSeconds?: number;
  maxParallel?: number;
  minHealthySeconds?: number;
  csiPlugin?: boolean;
  /** Fails on this node, after `failsAfterSeconds` (1 by default), however it does elsewhere. */
  failsOn?: string;
  failsAfterSeconds?: number;
  /** When another allocation takes the place of one that failed. By default Nomad's own for services, never for builds. */
  reschedule?: Partial<ReschedulePolicy> & { delaySeconds?: number; maxDelaySeconds?: number };
  /** `disconnect { lost_after }`: survives so long without its client as `unknown`. */
  lostAfterSeconds?: number;
  /** `disconnect { replace }`. */
  replaceAway?: boolean;
  /** `prevent_reschedule_on_lost`, of 1.7 to 1.9. */
  preventRescheduleOnLost?: boolean;
  /** `max_client_disconnect`, of 1.3 to 1.9. */
  maxClientDisconnectSeconds?: number;
  /** What its author says of it. */
  meta?: Record<string, string>;
  /** What the author says of its task group. */
  groupMeta?: Record<string, string>;
  /** Bytes of environment that make the job, and each of its allocations in a node's list, so much larger. */
  padding?: number;
}

/** The job as the HTTP API takes it: the emulator reads what a task does from its Meta. */
export const jobOf = (spec: JobSpec): Partial<Job> => {
  const minHealthy = (spec.minHealthySeconds ?? 10) * SECOND;
  const migrate = Boolean(spec.migrateDisk);
  const main = taskOf({ ...spec, name: 't' });
  if (spec.migrateDisk) main.Meta = { ...main.Meta, 'emulate.copy_seconds': String(spec.migrateDisk.copySeconds) };
  if (spec.failsOn !== undefined) {
    const after = String(spec.failsAfterSeconds ?? 1);
    main.Meta = { ...main.Meta, 'emulate.fails_on': spec.failsOn, 'emulate.fails_after_seconds': after };
  }
  if (spec.padding !== undefined) main.Env = { PADDING: 'x'.repeat(spec.padding) };
  main.CSIPluginConfig = spec.csiPlugin ? { ID: spec.id, Type: 'node', MountDir: '/csi' } : null;
  main.Resources = { CPU: spec.cpu ?? 20, MemoryMB: spec.memoryMb ?? 20 } as Task['Resources'];
  const post: TaskSpec[] =
    spec.poststopSeconds === undefined ? [] : [{ name: 'post', hook: 'poststop', runSeconds: spec.poststopSeconds }];
  const on = spec.on === undefined ? [] : [onlyOn(spec.on)];
  const job = {
    ID: spec.id,
    Type: spec.type ?? 'batch',
    Namespace: spec.namespace ?? 'default',
    NodePool: spec.pool ?? 'default',
    Meta: spec.meta ?? null,
    Constraints: [...(spec.constraints ?? []), ...on],
    TaskGroups: [
      {
        Name: spec.taskGroup ?? 'g',
        Count: spec.count ?? 1,
        Meta: spec.groupMeta ?? null,
        ...(spec.type === 'service'
          ? {
              Migrate: { MaxParallel: spec.maxParallel ?? 1, MinHealthyTime: minHealthy },
              Update: { MinHealthyTime: minHealthy },
            }
          : {}),
        RestartPolicy: {
          Attempts: spec.restarts?.attempts ?? 0,
          Delay: (spec.restarts?.delaySeconds ?? 0) * SECOND,
          Mode: 'fail',
        },
        EphemeralDisk: { Migrate: migrate, Sticky: migrate, SizeMB: 20 },
        Volumes: volumesOf(spec),
        ReschedulePolicy: reschedulePolicyOf(spec),
        ShutdownDelay: spec.groupShutdownDelaySeconds === undefined ? null : spec.groupShutdownDelaySeconds * SECOND,
        MaxRunDuration: spec.maxRunSeconds === undefined ? null : spec.maxRunSeconds * SECOND,
        ...awayOf(spec),
        Tasks: [main, ...[...(spec.tasks ?? []), ...post].map(taskOf)],
      },
    ],
  };
  return job as unknown as Partial<Job>;
};

const volumesOf = ({ hostVolume }: JobSpec) => {
  if (!hostVolume) return null;
  return { data: { Name: 'data', Type: 'host', Source: hostVolume.source, Sticky: hostVolume.sticky ?? false } };
};

const reschedulePolicyOf = ({ type = 'batch', reschedule }: JobSpec) => {
  if (type === 'system' || type === 'sysbatch') return null;
  if (!reschedule) return type === 'batch' ? { Attempts: 0, Unlimited: false } : null;
  const { delaySeconds, maxDelaySeconds, ...policy } = reschedule;
  return {
    ...(delaySeconds === undefined ? {} : { Delay: delaySeconds * SECOND }),
    ...(maxDelaySeconds === undefined ? {} : { MaxDelay: maxDelaySeconds * SECOND }),
    ...policy,
  };
};

const awayOf = ({ lostAfterSeconds, replaceAway, ...spec }: JobSpec) => ({
  Disconnect:
    lostAfterSeconds === undefined && replaceAway === undefined
      ? null
      : { LostAfter: (lostAfterSeconds ?? 0) * SECOND, Replace: replaceAway ?? true },
  MaxClientDisconnect: spec.maxClientDisconnectSeconds === undefined ? null : spec.maxClientDisconnectSeconds * SECOND,
  PreventRescheduleOnLost: spec.preventRescheduleOnLost === true,
});

const taskOf = (spec: TaskSpec): Partial<Task> => {
  const once = spec.hook !== undefined && !spec.sidecar;
  const meta = {
    'emulate.run_seconds': spec.runSeconds ?? (once ? 1 : undefined),
    'emulate.exit_code': spec.exitCode,
    'emulate.stop_seconds': spec.stopSeconds,
    'emulate.setup_seconds': spec.startSeconds,
    'emulate.setup_on': spec.startsSlowlyOn,
    'emulate.stderr': spec.stderr,
    'emulate.stdout': spec.stdout,
    'emulate.line_seconds': spec.lineSeconds,
  };
  const said = Object.entries(meta).filter(([, value]) => value !== undefined);
  return {
    Name: spec.name,
    Driver: 'raw_exec',
    Config: { command: '/bin/sh', args: ['-c', 'true'] },
    Meta: Object.fromEntries(said.map(([key, value]) => [key, String(value)])),
    KillTimeout: (spec.killTimeoutSeconds ?? 5) * SECOND,
    ShutdownDelay: (spec.shutdownDelaySeconds ?? 0) * SECOND,
    Lifecycle: spec.hook ? { Hook: spec.hook, Sidecar: spec.sidecar === true } : null,
    Leader: spec.leader === true,
    Resources: { CPU: 20, MemoryMB: 20 } as Task['Resources'],
  };
};

// biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own interpolation.
const onlyOn = (nodeId: string): Constraint => ({ LTarget: '${node.unique.id}', Operand: '=', RTarget: nodeId });
