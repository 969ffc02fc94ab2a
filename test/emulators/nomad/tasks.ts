import { printDuration } from './go-values.ts';
import type { Allocation, Task, TaskEvent, TaskState } from './model.ts';
import { groupOf } from './model.ts';

/** What a task does, as its Meta says: the real agents of the contract suite run a command instead. */
export interface Behaviour {
  /** Ends by itself after so long; undefined: never. */
  runMs: number | undefined;
  exitCode: number;
  stopMs: number;
  copyMs: number;
  stderr: string;
  killTimeoutMs: number;
}

export const behaviourOf = (allocation: Allocation): Behaviour => {
  const tasks = groupOf(allocation).Tasks;
  const meta = (key: string) => tasks.find(({ Meta }) => Meta?.[key] !== undefined)?.Meta?.[key];
  const ms = (key: string) => (meta(key) === undefined ? undefined : Number(meta(key)) * 1000);
  return {
    runMs: ms('emulate.run_seconds') ?? sleepMs(tasks),
    exitCode: Number(meta('emulate.exit_code') ?? 0),
    stopMs: ms('emulate.stop_seconds') ?? 200,
    copyMs: ms('emulate.copy_seconds') ?? 500,
    stderr: meta('emulate.stderr') ?? '',
    killTimeoutMs: Math.max(0, ...tasks.map(({ KillTimeout }) => KillTimeout / 1e6)),
  };
};

/** Of a shell that does nothing but sleep, as the demo gives to a real Nomad. */
const sleepMs = (tasks: readonly Task[]): number | undefined => {
  const [seconds] = tasks.flatMap(
    ({ Config }) => /\["-c","sleep (\d+)"\]/.exec(JSON.stringify(Config ?? {}))?.[1] ?? [],
  );
  return seconds === undefined ? undefined : Number(seconds) * 1000;
};

export const pendingTasks = (allocation: Allocation): Record<string, TaskState> =>
  Object.fromEntries(
    groupOf(allocation).Tasks.map(({ Name }) => [
      Name,
      {
        State: 'pending',
        Failed: false,
        FinishedAt: null,
        LastRestart: null,
        Paused: '',
        Restarts: 0,
        StartedAt: null,
        Events: [],
      },
    ]),
  );

export const received = (nanos: number) => event(nanos, 'Received', 'Task received by client');
export const taskSetup = (nanos: number) =>
  event(nanos, 'Task Setup', 'Building Task Directory', {
    Details: { message: 'Building Task Directory' },
    Message: 'Building Task Directory',
  });
export const started = (nanos: number) => event(nanos, 'Started', 'Task started by client');
export const killing = (nanos: number, killTimeoutMs: number) => {
  const timeout = printDuration(killTimeoutMs * 1e6);
  return event(nanos, 'Killing', `Sent interrupt. Waiting ${timeout} before force killing`, {
    Details: { kill_timeout: timeout },
    KillTimeout: killTimeoutMs * 1e6,
  });
};
export const terminated = (nanos: number, exitCode: number, signal: number) =>
  event(nanos, 'Terminated', `Exit Code: ${exitCode}${signal ? `, Signal: ${signal}` : ''}`, {
    Details: { exit_code: String(exitCode), signal: String(signal), oom_killed: 'false' },
    ExitCode: exitCode,
    Signal: signal,
  });
export const killed = (nanos: number) => event(nanos, 'Killed', 'Task successfully killed');

const event = (Time: number, Type: string, DisplayMessage: string, more: Partial<TaskEvent> = {}): TaskEvent => ({
  Details: {},
  DiskLimit: 0,
  DisplayMessage,
  DownloadError: '',
  DriverError: '',
  DriverMessage: '',
  ExitCode: 0,
  FailedSibling: '',
  FailsTask: false,
  GenericSource: '',
  KillError: '',
  KillReason: '',
  KillTimeout: 0,
  Message: '',
  RestartReason: '',
  SetupError: '',
  Signal: 0,
  StartDelay: 0,
  TaskSignal: '',
  TaskSignalReason: '',
  Time,
  Type,
  ValidationError: '',
  VaultError: '',
  ...more,
});
