/**
 * Jobs that behave alike on both: a real agent runs the command, the emulator reads the Meta that says what it does.
 */

const SECOND = 1e9;

interface Behaviour {
  command: string;
  meta: Record<string, string>;
  killTimeoutSeconds?: number;
}

/** Ends by itself. */
export const ends = (seconds: number): Behaviour => ({
  command: `echo started 1>&2; sleep ${seconds}; echo finished 1>&2`,
  meta: { 'emulate.run_seconds': String(seconds), 'emulate.stderr': 'started\nfinished\n' },
});

/** Runs until it is told to stop, and stops at once. */
export const obeys: Behaviour = { command: 'exec sleep 600', meta: {} };

/** Takes no notice of the kill signal: runs on until its kill timeout. */
export const ignoresSignals = (killTimeoutSeconds: number): Behaviour => ({
  command: 'trap "" INT TERM; while true; do sleep 1; done',
  meta: { 'emulate.stop_seconds': '600' },
  killTimeoutSeconds,
});

/** Keeps some megabytes on its ephemeral disk, which move with it. */
export const keepsData: Behaviour = {
  command:
    'trap "sleep 2; exit 0" INT; f=$NOMAD_ALLOC_DIR/data/blob; [ -f $f ] || head -c 8000000 /dev/urandom > $f; ' +
    'while true; do sleep 1; done',
  meta: { 'emulate.stop_seconds': '2.5', 'emulate.copy_seconds': '0.5' },
  killTimeoutSeconds: 10,
};

export interface ContractJob {
  ID: string;
  Type: 'batch' | 'service' | 'system' | 'sysbatch';
  Namespace?: string;
}

export const job = (
  ID: string,
  Type: ContractJob['Type'],
  { command, meta, killTimeoutSeconds = 5 }: Behaviour,
  more: { on?: string; count?: number; namespace?: string; maxParallel?: number; group?: object; cpu?: number } = {},
): ContractJob => {
  const group = {
    Name: 'g',
    Count: more.count ?? 1,
    EphemeralDisk: { SizeMB: 20 },
    RestartPolicy: { Attempts: 0, Mode: 'fail' },
    ...(Type === 'service'
      ? {
          Migrate: { MaxParallel: more.maxParallel ?? 1, MinHealthyTime: SECOND, HealthCheck: 'task_states' },
          Update: { MinHealthyTime: SECOND, HealthCheck: 'task_states' },
        }
      : {}),
    ...more.group,
    Tasks: [
      {
        Name: 't',
        Driver: 'raw_exec',
        Config: { command: '/bin/sh', args: ['-c', command] },
        Meta: meta,
        KillTimeout: killTimeoutSeconds * SECOND,
        LogConfig: { MaxFiles: 1, MaxFileSizeMB: 1 },
        Resources: { CPU: more.cpu ?? 20, MemoryMB: 20 },
      },
    ],
  };
  const constraints = more.on === undefined ? [] : [onlyOn(more.on)];
  const common = { ID, Type, Datacenters: ['*'], Constraints: constraints, TaskGroups: [group] };
  return more.namespace ? { ...common, Namespace: more.namespace } : common;
};

// biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own interpolation.
const onlyOn = (nodeId: string) => ({ LTarget: '${node.unique.id}', Operand: '=', RTarget: nodeId });
