import type { Timeline } from '../../clock.ts';
import type { Job, RestartPolicy, Task, TaskEvent, TaskState } from '../model.ts';
import * as events from './task-events.ts';
import { type Behaviour, isSidecar, pendingTask, restartsOnSuccess, type Stage, stageOf, verdictOf } from './tasks.ts';

/** From a task's turn to its start: `drain-batch` (Received, Started). */
const START_MS = 225;
/** After so long Nomad says what a template waits for. */
const TEMPLATE_MS = 3000;

/** The allocation that a task belongs to, on its client. */
export interface TaskOwner {
  clock: Timeline;
  nanos(): number;
  timestamp(): string;
  job: Job;
  restartPolicy: RestartPolicy;
  /** The agent runs: without it nothing is started, started again or noticed; what runs, runs on. */
  agentRuns(): boolean;
  changed(): void;
  killed(task: Task, how: 'stopped' | 'force-killed'): void;
}

/** One task of an allocation, from its waiting for its turn to its end. */
export class TaskRun {
  readonly task: Task;
  readonly stage: Stage;
  readonly sidecar: boolean;
  readonly state: TaskState = pendingTask();
  readonly behaviour: Behaviour;
  phase: 'waiting' | 'starting' | 'running' | 'stopping' | 'resting' | 'dead' = 'waiting';
  readonly #owner: TaskOwner;
  readonly #restarts: number[] = [];
  #timers: (() => void)[] = [];
  #whenDead: (() => void)[] = [];
  /** What the agent has yet to do about it, for it was away when it was time. */
  #missed: (() => void) | undefined;
  /** It ended, noticed or not. */
  #ended = false;

  constructor(owner: TaskOwner, task: Task, behaviour: Behaviour) {
    this.#owner = owner;
    this.task = task;
    this.stage = stageOf(task);
    this.sidecar = isSidecar(task);
    this.behaviour = behaviour;
    this.note(events.received(owner.nanos()));
  }

  /** It lives, or is about to: what dies with its instance. */
  get alive(): boolean {
    return this.phase !== 'waiting' && !this.over;
  }

  get over(): boolean {
    return this.phase === 'dead' || this.#ended;
  }

  /** Its process runs on its machine, known to Nomad or not. */
  get runs(): boolean {
    return (this.phase === 'running' || this.phase === 'stopping') && !this.#ended;
  }

  note(event: TaskEvent): void {
    this.state.Events.push(event);
  }

  /** Its turn has come. */
  begin(atOnce = false): void {
    if (this.phase !== 'waiting') return;
    this.phase = 'starting';
    this.note(events.taskSetup(this.#owner.nanos()));
    if (atOnce) this.#started();
    else this.#setUp();
  }

  /** Has run and ended well, some time ago. */
  skip(): void {
    this.begin(true);
    this.#cancel();
    this.note(events.terminated(this.#owner.nanos(), 0, 0));
    this.#dead(false);
  }

  /** Ends by itself, now. */
  end(): void {
    if (this.phase === 'starting' || this.phase === 'resting') {
      this.#cancel();
      this.#started();
    }
    if (this.phase === 'running' || this.phase === 'stopping') this.#end();
  }

  /**
   * Told to stop: by the servers, or for what became of a sibling. Calls back when it is dead, as it may be already.
   * @param reason is in its event, also if it is being stopped already
   */
  kill(commanded: boolean, dead: () => void, reason?: string): void {
    if (this.phase === 'dead') {
      dead();
      return;
    }
    this.#whenDead.push(dead);
    const { killTimeoutMs, shutdownDelayMs } = this.behaviour;
    const { nanos } = this.#owner;
    const stopping = this.phase === 'stopping';
    if (!stopping || reason !== undefined) this.note(events.killing(nanos(), killTimeoutMs, reason));
    if (stopping) {
      this.#owner.changed();
      return;
    }
    if (this.phase !== 'running') {
      this.#cancel();
      this.#dead(false);
      return;
    }
    this.phase = 'stopping';
    if (shutdownDelayMs > 0) {
      // Meanwhile Nomad says that it is pending, though it runs.
      this.note(events.shutdownDelay(nanos(), shutdownDelayMs));
      this.state.State = 'pending';
      this.#later(shutdownDelayMs, () => this.#signal(commanded));
    } else this.#signal(commanded);
    this.#owner.changed();
  }

  /** The kill signal. Meanwhile it may end by itself, whichever comes first. */
  #signal(commanded: boolean): void {
    if (!this.#owner.agentRuns()) {
      this.#missed = () => this.#signal(commanded);
      return;
    }
    const { killTimeoutMs, stopMs } = this.behaviour;
    const { nanos } = this.#owner;
    const forced = stopMs >= killTimeoutMs;
    this.#later(Math.min(stopMs, killTimeoutMs), () => {
      const [exitCode, signal] = forced ? [137, 9] : [130, 2];
      this.#cancel();
      this.note(events.terminated(nanos(), exitCode, signal));
      this.note(events.killed(nanos()));
      if (commanded) this.#owner.killed(this.task, forced ? 'force-killed' : 'stopped');
      this.#dead(false);
    });
  }

  /** The agent is back, and does what it has missed. */
  resume(): void {
    const missed = this.#missed;
    this.#missed = undefined;
    missed?.();
  }

  /** The machine is gone. */
  lose(): void {
    this.#cancel();
    this.phase = 'dead';
  }

  #setUp(): void {
    const { setupMs } = this.behaviour;
    this.#later(START_MS + setupMs, () => this.#started());
    if (setupMs <= TEMPLATE_MS) return;
    this.#later(TEMPLATE_MS, () => {
      this.note(events.templateWaits(this.#owner.nanos(), this.#owner.job));
      this.#owner.changed();
    });
  }

  #started(): void {
    if (!this.#owner.agentRuns()) {
      this.#missed = () => this.#started();
      return;
    }
    this.phase = 'running';
    this.#ended = false;
    this.state.State = 'running';
    this.state.StartedAt = this.#owner.timestamp();
    this.note(events.started(this.#owner.nanos()));
    if (this.behaviour.runMs !== undefined) this.#later(this.behaviour.runMs, () => this.#end());
    this.#owner.changed();
  }

  #end(): void {
    this.#ended = true;
    if (!this.#owner.agentRuns()) {
      this.#missed = () => this.#end();
      return;
    }
    const { nanos, job, restartPolicy, clock } = this.#owner;
    const { exitCode } = this.behaviour;
    const stopping = this.phase === 'stopping';
    this.#cancel();
    this.note(events.terminated(nanos(), exitCode, 0));
    if (stopping) {
      this.note(events.killed(nanos()));
      this.#dead(false);
      return;
    }
    const onSuccess = restartsOnSuccess(job, this.task);
    const verdict = verdictOf(restartPolicy, exitCode === 0, onSuccess, this.#restarts, clock.now());
    if (verdict.how === 'restarts') {
      this.#restarts.push(clock.now());
      this.#ended = false;
      this.phase = 'resting';
      this.state.State = 'pending';
      this.state.Restarts += 1;
      this.state.LastRestart = this.#owner.timestamp();
      this.note(events.restarting(nanos(), verdict.delayNanos, verdict.reason));
      this.#later(verdict.delayNanos / 1e6, () => this.#started());
      this.#owner.changed();
      return;
    }
    if (verdict.how === 'failed') this.note(events.notRestarting(nanos(), verdict.reason));
    this.#dead(verdict.how === 'failed');
  }

  #dead(failed: boolean): void {
    this.phase = 'dead';
    this.state.State = 'dead';
    this.state.Failed = failed;
    this.state.FinishedAt = this.#owner.timestamp();
    for (const callback of this.#whenDead.splice(0)) callback();
    this.#owner.changed();
  }

  #later(ms: number, callback: () => void): void {
    this.#timers.push(this.#owner.clock.after(ms, callback));
  }

  #cancel(): void {
    for (const cancel of this.#timers.splice(0)) cancel();
  }
}
