import type { Allocation, ClientStatus, Task, TaskState } from '../model.ts';
import { clientTerminalStatus, groupOf } from '../model.ts';
import type { State } from '../state.ts';
import * as events from './task-events.ts';
import { type TaskOwner, TaskRun } from './task-run.ts';
import { behaviourOf, EXCEEDED, type Stage, summaryOf } from './tasks.ts';

/** Which tasks may start at each step of an allocation's life, in the order of Nomad's own coordinator. */
const STEPS: Stage[][] = [
  ['prestart', 'sidecar'],
  ['sidecar', 'main'],
  ['sidecar', 'main', 'poststart', 'late sidecar'],
];

/** What the client makes of an allocation's tasks, for its servers. */
export interface Reported {
  status: ClientStatus;
  description: string;
  tasks: Record<string, TaskState> | null;
}

/** An allocation on its client: starts its tasks in their turn, kills those that a sibling's end takes along. */
export class AllocRun {
  readonly allocation: Allocation;
  readonly #state: State;
  readonly #owner: TaskOwner;
  #tasks: TaskRun[] = [];
  #step = 0;
  #beginning = false;
  #stopped = false;
  /** Nomad tells its servers nothing while it kills tasks of its own accord: they see what was before. */
  #withheld: Reported | undefined;
  /** Its `max_run_duration` is over. */
  #exceeded = false;
  #cancelLimit: (() => void) | undefined;

  constructor(state: State, allocation: Allocation, owner: Pick<TaskOwner, 'agentRuns' | 'changed' | 'killed'>) {
    this.#state = state;
    this.allocation = allocation;
    this.#owner = {
      ...owner,
      clock: state.clock,
      nanos: () => state.nanos(),
      timestamp: () => state.timestamp(),
      job: allocation.Job,
      restartPolicy: groupOf(allocation).RestartPolicy,
      changed: () => {
        this.#look();
        if (this.over) this.#cancelLimit?.();
        owner.changed();
      },
    };
  }

  /** The allocation's directory is there: its tasks have their turns. `atOnce`: as if they had had them some time ago. */
  begin(atOnce: boolean): void {
    this.#beginning = true;
    this.#tasks = groupOf(this.allocation).Tasks.map(
      (task) => new TaskRun(this.#owner, task, behaviourOf(task, this.allocation)),
    );
    if (atOnce) {
      for (const run of this.#tasks.filter(({ stage }) => stage === 'prestart' || stage === 'poststart')) run.skip();
      for (const run of this.#living()) run.begin(true);
    }
    this.#beginning = false;
    this.#setLimit();
    this.#look();
    if (this.settingUp) this.#owner.changed();
  }

  /** Every task is dead, those that run last too. */
  get over(): boolean {
    return this.begun && this.#tasks.every(({ phase }) => phase === 'dead');
  }

  get begun(): boolean {
    return this.#tasks.length > 0;
  }

  /** What counts for its health: all that is to run runs, and what is to run once has ended well. */
  get up(): boolean {
    return (
      this.begun &&
      this.#tasks.every(({ stage, state, sidecar }) => {
        if (stage === 'poststop') return true;
        return state.State === 'running' || (state.State === 'dead' && !state.Failed && !sidecar && stage !== 'main');
      })
    );
  }

  /** Some task takes its time before it starts, which the servers are told of. */
  get settingUp(): boolean {
    return this.#tasks.some(({ phase, behaviour }) => phase === 'starting' && behaviour.setupMs > 0);
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    if (!this.begun) this.begin(false);
    this.#afterShutdownDelay(() => this.#killAll(this.#inOrder(), () => {}, { commanded: true }));
  }

  /** What runs ends by itself, now: the main tasks, or what runs last where they have ended. */
  finish(): void {
    if (!this.begun) this.begin(true);
    const living = this.#living();
    for (const run of living.length > 0 ? living.filter(({ sidecar }) => !sidecar) : this.#tasks) run.end();
  }

  /** The agent is back. */
  resume(): void {
    const unknown = this.allocation.ClientStatus === 'unknown';
    for (const run of this.#tasks) {
      run.resume();
      if (run.alive && unknown) run.note(events.reconnected(this.#state.nanos()));
    }
    this.#enforceLimit();
    this.#look();
  }

  /** The tasks that run now; one that is still to run since the others have ended is pending. */
  processes(): { task: Task; pending: boolean }[] {
    const next = this.begun && this.#living().every(({ over }) => over);
    return this.#tasks
      .filter((run) => run.runs || (next && run.stage === 'poststop' && !run.over))
      .map((run) => ({ task: run.task, pending: !run.runs }));
  }

  /** The machine dies. Returns the tasks that die with it, one that was still to run because the others are dead among them. */
  lose(): Task[] {
    const next = this.#living().every(({ over }) => over);
    const lost = this.#tasks.filter((run) => run.alive || (next && run.stage === 'poststop' && !run.over));
    for (const run of this.#tasks) run.lose();
    this.#cancelLimit?.();
    return lost.map(({ task }) => task);
  }

  reported(): Reported {
    return (this.#exceeded ? undefined : this.#withheld) ?? this.#seen();
  }

  #seen(): Reported {
    if (!this.begun) return { status: this.#stopped ? 'complete' : 'pending', description: '', tasks: null };
    const tasks = Object.fromEntries(this.#tasks.map(({ task, state }) => [task.Name, structuredClone(state)]));
    const { status, description } = this.#exceeded ? EXCEEDED : summaryOf(Object.values(tasks));
    if (clientTerminalStatus(status)) {
      // Nomad dates the end of every task of a failed allocation, of one that still runs too.
      for (const task of Object.values(tasks)) task.FinishedAt ??= this.#state.timestamp();
    }
    return { status, description, tasks };
  }

  /** As it was when the task that ended now had not been found dead yet. */
  #seenBefore(): Reported {
    const { tasks } = this.#seen();
    const now = this.#state.timestamp();
    for (const task of Object.values(tasks ?? {})) {
      if (task.State === 'dead' && task.FinishedAt === now) {
        task.State = task.StartedAt ? 'running' : 'pending';
        task.Failed = false;
        task.Events = task.Events.filter(({ Type }) => Type !== 'Not Restarting');
      }
      if (task.State !== 'dead') task.FinishedAt = null;
    }
    return { ...summaryOf(Object.values(tasks ?? {})), tasks };
  }

  /** Those that are not to run last, and are not dead. */
  #living(): TaskRun[] {
    return this.#tasks.filter(({ stage, phase }) => stage !== 'poststop' && phase !== 'dead');
  }

  #look(): void {
    if (!this.begun || this.#beginning || this.#withheld || !this.#owner.agentRuns()) return;
    const living = this.#living();
    const ended = this.#tasks.filter(({ stage, phase }) => stage !== 'poststop' && phase === 'dead');
    const failed = ended.find(({ state }) => state.Failed);
    const leaderEnded = ended.some(({ task, state }) => task.Leader && !state.Failed);
    const onlySidecars = living.every(({ sidecar }) => sidecar);
    if (living.length === 0) {
      for (const run of this.#tasks) if (run.stage === 'poststop') run.begin();
      return;
    }
    if (this.#stopped || this.#exceeded) return;
    if (failed || leaderEnded || onlySidecars) {
      this.#takeAlong(living, failed, leaderEnded);
      return;
    }
    this.#step = Math.max(this.#step, this.#reached());
    const open = STEPS[this.#step] ?? [];
    for (const run of living) if (open.includes(run.stage)) run.begin();
  }

  #takeAlong(living: TaskRun[], failed: TaskRun | undefined, leaderEnded: boolean): void {
    this.#withheld = this.#seenBefore();
    for (const run of living) {
      const now = this.#state.nanos();
      if (leaderEnded) run.note(events.leaderDead(now));
      else run.note(failed ? events.siblingFailed(now, failed.task.Name) : events.mainDead(now));
    }
    this.#killAll(this.#inOrder(), () => {
      this.#withheld = undefined;
      this.#owner.changed();
    });
  }

  /** In milliseconds by the clock of this Nomad; undefined if its group has no `max_run_duration`. */
  get #limitAt(): number | undefined {
    const { MaxRunDuration } = groupOf(this.allocation);
    return MaxRunDuration ? Math.round((this.allocation.CreateTime + MaxRunDuration) / 1e6) : undefined;
  }

  #setLimit(): void {
    if (this.#limitAt === undefined) return;
    const ms = Math.max(0, this.#limitAt - this.#state.now());
    this.#cancelLimit = this.#state.clock.after(ms, () => this.#enforceLimit());
  }

  /**
   * Past its limit its client kills all of it, what runs last first, and without its turn if it had none yet; also while it is
   * being stopped. An agent that is away does so when it is back.
   */
  #enforceLimit(): void {
    const limitAt = this.#limitAt;
    if (limitAt === undefined || this.#state.now() < limitAt) return;
    if (this.#exceeded || this.over || !this.#owner.agentRuns()) return;
    this.#exceeded = true;
    const last = this.#tasks.filter(({ stage }) => stage === 'poststop').map((run) => [run]);
    const reason = EXCEEDED.description;
    this.#afterShutdownDelay(() => this.#killAll([...last, ...this.#inOrder()], () => {}, { reason }));
  }

  #afterShutdownDelay(kill: () => void): void {
    const delayMs = (groupOf(this.allocation).ShutdownDelay ?? 0) / 1e6;
    if (delayMs > 0) this.#state.clock.after(delayMs, kill);
    else kill();
  }

  #reached(): number {
    const of = (...stages: Stage[]) => this.#tasks.filter(({ stage }) => stages.includes(stage));
    const prepared =
      of('prestart').every(({ state }) => state.State === 'dead' && !state.Failed) &&
      of('sidecar').every(({ state }) => state.State === 'running');
    if (!prepared) return 0;
    return of('main').every(({ state }) => state.State !== 'pending') ? 2 : 1;
  }

  /** The leader first, then what is no sidecar, then the sidecars; what runs last is left to have its turn. */
  #inOrder(): TaskRun[][] {
    const living = this.#living();
    const leader = living.filter(({ task }) => task.Leader);
    const others = living.filter(({ task, sidecar }) => !task.Leader && !sidecar);
    const sidecars = living.filter(({ task, sidecar }) => !task.Leader && sidecar);
    return [leader, others, sidecars];
  }

  #killAll(
    inOrder: TaskRun[][],
    done: () => void,
    { commanded = false, reason }: { commanded?: boolean; reason?: string } = {},
  ): void {
    const kill = ([group, ...rest]: TaskRun[][]): void => {
      if (!group) {
        done();
        return;
      }
      let left = group.length;
      if (left === 0) kill(rest);
      for (const run of group) {
        const dead = () => {
          left -= 1;
          if (left === 0) kill(rest);
        };
        run.kill(commanded, dead, reason);
      }
    };
    kill(inOrder);
  }
}
