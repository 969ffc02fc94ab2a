import { printDuration } from '../go-values.ts';
import type { Allocation, ClientStatus, Job, RestartPolicy, Task, TaskState } from '../model.ts';
import { groupOf } from '../model.ts';

/** What a task does, as its Meta says: the real agents of the contract suite run a command instead. */
export interface Behaviour {
  /** Ends by itself after so long; undefined: never. */
  runMs: number | undefined;
  exitCode: number;
  stopMs: number;
  /** From its turn to its start, beyond what every task takes: an artifact, a template that waits for its key. */
  setupMs: number;
  killTimeoutMs: number;
  /** From its being told to stop to the kill signal: others have to learn that it goes. */
  shutdownDelayMs: number;
}

export const behaviourOf = (
  { Meta, Config, KillTimeout, ShutdownDelay }: Task,
  { NodeID, NodeName }: Allocation,
): Behaviour => {
  const ms = (key: string) => (Meta?.[key] === undefined ? undefined : Number(Meta[key]) * 1000);
  const here = (key: string) => Meta?.[key] === NodeID || Meta?.[key] === NodeName;
  const failsHere = here('emulate.fails_on');
  const setUpHere = Meta?.['emulate.setup_on'] === undefined || here('emulate.setup_on');
  return {
    runMs: failsHere ? ms('emulate.fails_after_seconds') : (ms('emulate.run_seconds') ?? sleepMs(Config)),
    exitCode: failsHere ? 1 : Number(Meta?.['emulate.exit_code'] ?? 0),
    stopMs: ms('emulate.stop_seconds') ?? 200,
    setupMs: setUpHere ? (ms('emulate.setup_seconds') ?? 0) : 0,
    killTimeoutMs: KillTimeout / 1e6,
    shutdownDelayMs: ShutdownDelay / 1e6,
  };
};

/** Of a shell that does nothing but sleep, as the demo gives to a real Nomad. */
const sleepMs = (config: unknown): number | undefined => {
  const seconds = /\["-c","sleep (\d+)"\]/.exec(JSON.stringify(config ?? {}))?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
};

/** How long a migrating disk takes to be copied. */
export const copyMsOf = (allocation: Allocation): number => {
  const meta = groupOf(allocation).Tasks.flatMap(({ Meta }) => Meta?.['emulate.copy_seconds'] ?? []);
  return Number(meta[0] ?? 0.5) * 1000;
};

/** When in an allocation's life a task has its turn. */
export type Stage = 'prestart' | 'sidecar' | 'main' | 'poststart' | 'late sidecar' | 'poststop';

export const stageOf = ({ Lifecycle }: Task): Stage => {
  if (!Lifecycle) return 'main';
  if (Lifecycle.Hook === 'poststop') return 'poststop';
  if (Lifecycle.Hook === 'prestart') return Lifecycle.Sidecar ? 'sidecar' : 'prestart';
  return Lifecycle.Sidecar ? 'late sidecar' : 'poststart';
};

export const isSidecar = (task: Task): boolean => task.Lifecycle?.Sidecar === true && stageOf(task) !== 'poststop';

/** Services start again whatever their exit code; builds, and what runs once, only when they failed. */
export const restartsOnSuccess = (job: Job, task: Task): boolean => {
  if (task.Lifecycle) return isSidecar(task);
  return job.Type === 'service' || job.Type === 'system';
};

/** What is to become of a task that ended by itself. `restarts`: when it was started again, in milliseconds. */
export const verdictOf = (
  policy: RestartPolicy,
  succeeded: boolean,
  onSuccess: boolean,
  restarts: number[],
  now: number,
): { how: 'ended' } | { how: 'failed'; reason: string } | { how: 'restarts'; delayNanos: number; reason: string } => {
  if (succeeded && !onSuccess) return { how: 'ended' };
  if (policy.Attempts === 0) return { how: 'failed', reason: 'Policy allows no restarts' };
  const since = now - policy.Interval / 1e6;
  const recent = restarts.filter((at) => at > since);
  if (recent.length < policy.Attempts) {
    return { how: 'restarts', delayNanos: policy.Delay, reason: 'Restart within policy' };
  }
  if (policy.Mode === 'delay') {
    const delayNanos = ((recent[0] ?? now) - since) * 1e6;
    return { how: 'restarts', delayNanos, reason: 'Exceeded allowed attempts, applying a delay' };
  }
  const interval = printDuration(policy.Interval);
  return {
    how: 'failed',
    reason: `Exceeded allowed attempts ${policy.Attempts} in interval ${interval} and mode is "fail"`,
  };
};

/** What a client says of an allocation whose `max_run_duration` is over: `complete`, though its tasks still run. */
export const EXCEEDED = { status: 'complete', description: 'allocation exceeded max_run_duration' } as const;

export const pendingTask = (): TaskState => ({
  State: 'pending',
  Failed: false,
  FinishedAt: null,
  LastRestart: null,
  Paused: '',
  Restarts: 0,
  StartedAt: null,
  Events: [],
});

/**
 * Nomad sums an allocation up by its tasks: one that failed makes it failed, and so terminal, whatever else still runs;
 * and where one waits and the others have ended well, nothing has started yet.
 */
export const summaryOf = (tasks: TaskState[]): { status: ClientStatus; description: string } => {
  if (tasks.some(({ State, Failed }) => State === 'dead' && Failed)) {
    return { status: 'failed', description: 'Failed tasks' };
  }
  if (tasks.some(({ State }) => State === 'running')) return { status: 'running', description: 'Tasks are running' };
  if (tasks.some(({ State }) => State === 'pending')) {
    return { status: 'pending', description: 'No tasks have started' };
  }
  return { status: 'complete', description: 'All tasks have completed' };
};
