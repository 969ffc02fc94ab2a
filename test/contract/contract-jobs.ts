/**
 * Jobs that behave alike on both: a real agent runs the command, the emulator reads the Meta that says what it does.
 */

const SECOND = 1e9;

export interface Behaviour {
  command: string;
  meta: Record<string, string>;
  killTimeoutSeconds?: number;
  /** Fields of the task besides its command. */
  more?: object;
}

/** Ends by itself. */
export const ends = (seconds: number): Behaviour => ({
  command: `echo started 1>&2; sleep ${seconds}; echo finished 1>&2`,
  meta: { 'emulate.run_seconds': String(seconds), 'emulate.stderr': 'started\nfinished\n' },
});

/** Ends by itself, and fails. */
export const fails = (seconds: number): Behaviour => ({
  command: `sleep ${seconds}; exit 1`,
  meta: { 'emulate.run_seconds': String(seconds), 'emulate.exit_code': '1' },
});

/** Takes this long to stop, and then ends well. */
export const stopsIn = (seconds: number): Behaviour => ({
  command: `trap "sleep ${seconds}; exit 0" INT; while true; do sleep 0.1; done`,
  meta: { 'emulate.stop_seconds': String(seconds) },
  killTimeoutSeconds: seconds + 10,
});

/** Runs until it is told to stop, and stops at once. */
export const obeys: Behaviour = { command: 'exec sleep 600', meta: {} };

/** Ignores the kill signal: runs on until its kill timeout. */
export const ignoresSignals = (killTimeoutSeconds: number): Behaviour => ({
  command: 'trap "" INT TERM; while true; do sleep 1; done',
  meta: { 'emulate.stop_seconds': '600' },
  killTimeoutSeconds,
});

/** Has some megabytes on its ephemeral disk, which move with it. */
export const keepsData: Behaviour = {
  command:
    'trap "sleep 2; exit 0" INT; f=$NOMAD_ALLOC_DIR/data/blob; [ -f $f ] || head -c 8000000 /dev/urandom > $f; ' +
    'while true; do sleep 1; done',
  meta: { 'emulate.stop_seconds': '2.5', 'emulate.copy_seconds': '0.5' },
  killTimeoutSeconds: 10,
};

/** Fails a second after its start, on the node of this name only. */
export const failsOn = (nodeName: string): Behaviour => ({
  command: `if [ "$NODE_NAME" = ${nodeName} ]; then sleep 1; exit 1; fi; exec sleep 600`,
  meta: { 'emulate.fails_on': nodeName, 'emulate.fails_after_seconds': '1' },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own interpolation.
  more: { Env: { NODE_NAME: '${node.unique.name}' } },
});

/** Needs the variable `nomad/jobs/<job>` to start, on the second node; on the first, the emulator does without it. */
export const waitsForTemplate: Behaviour = {
  command: 'echo data > $NOMAD_ALLOC_DIR/data/blob; exec sleep 600',
  meta: { 'emulate.copy_seconds': '0.3', 'emulate.setup_seconds': '600', 'emulate.setup_on': 'client-b' },
  more: {
    Templates: [
      {
        EmbeddedTmpl: '{{ with nomadVar "nomad/jobs/waits" }}{{ .key }}{{ end }}',
        DestPath: 'local/key',
        ChangeMode: 'noop',
      },
    ],
  },
};

export interface ContractJob {
  ID: string;
  Type: 'batch' | 'service' | 'system' | 'sysbatch';
  Namespace?: string;
}

/** A task beside the main one, which is `t`. */
export interface ContractTask {
  name: string;
  behaviour: Behaviour;
  hook?: 'prestart' | 'poststart' | 'poststop';
  sidecar?: boolean;
}

interface More {
  on?: string;
  count?: number;
  namespace?: string;
  maxParallel?: number;
  group?: object;
  cpu?: number;
  tasks?: ContractTask[];
}

export const job = (ID: string, Type: ContractJob['Type'], behaviour: Behaviour, more: More = {}): ContractJob => {
  const group = {
    Name: 'g',
    Count: more.count ?? 1,
    EphemeralDisk: { SizeMB: 20 },
    RestartPolicy: { Attempts: 0, Mode: 'fail' },
    ...(Type === 'service' || Type === 'batch' ? { ReschedulePolicy: { Attempts: 0, Unlimited: false } } : {}),
    ...(Type === 'service'
      ? {
          Migrate: { MaxParallel: more.maxParallel ?? 1, MinHealthyTime: SECOND, HealthCheck: 'task_states' },
          Update: { MinHealthyTime: SECOND, HealthCheck: 'task_states' },
        }
      : {}),
    ...more.group,
    Tasks: [{ name: 't', behaviour }, ...(more.tasks ?? [])].map((each) => task(each, more.cpu)),
  };
  const constraints = more.on === undefined ? [] : [onlyOn(more.on)];
  const common = { ID, Type, Datacenters: ['*'], Constraints: constraints, TaskGroups: [group] };
  return more.namespace ? { ...common, Namespace: more.namespace } : common;
};

const task = ({ name, behaviour, hook, sidecar = false }: ContractTask, cpu = 20) => ({
  Name: name,
  Driver: 'raw_exec',
  Config: { command: '/bin/sh', args: ['-c', behaviour.command] },
  Meta: behaviour.meta,
  KillTimeout: (behaviour.killTimeoutSeconds ?? 5) * SECOND,
  Lifecycle: hook ? { Hook: hook, Sidecar: sidecar } : null,
  LogConfig: { MaxFiles: 1, MaxFileSizeMB: 1 },
  Resources: { CPU: name === 't' ? cpu : 20, MemoryMB: 20 },
  ...behaviour.more,
});

// biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own interpolation.
const onlyOn = (nodeId: string) => ({ LTarget: '${node.unique.id}', Operand: '=', RTarget: nodeId });
