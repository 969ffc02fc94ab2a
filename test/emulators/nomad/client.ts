import type { Casualties, KilledTask } from './casualties.ts';
import type { Allocation, ClientStatus, Node, TaskEvent, TaskState } from './model.ts';
import { clientTerminal, groupOf } from './model.ts';
import type { State } from './state.ts';
import { behaviourOf, killed, killing, pendingTasks, received, started, taskSetup, terminated } from './tasks.ts';

/** From placement to the client's knowing, from there to a running task, from any change to the servers' knowing it:
 * 15, 225 and 160 ms in `drain-batch` (CreateTime, Received, Started, ModifyTime). */
const RECEIVE_MS = 15;
const START_MS = 225;
const REPORT_MS = 160;

interface Run {
  allocation: Allocation;
  phase: 'waiting' | 'running' | 'stopping' | 'dead';
  status: ClientStatus;
  description: string;
  tasks: Record<string, TaskState> | null;
  healthy: boolean | undefined;
  reporting: boolean;
  timers: (() => void)[];
}

/** The Nomad client of one node: runs what the servers place there, and tells them how it goes. */
export class Client {
  /** The agent runs and the servers hear it. */
  connected = true;
  /** The machine runs. */
  powered = true;
  readonly #state: State;
  readonly #node: Node;
  readonly #peers: Map<string, Client>;
  readonly #casualties: Casualties;
  readonly #runs = new Map<string, Run>();

  constructor(state: State, node: Node, peers: Map<string, Client>, casualties: Casualties) {
    this.#state = state;
    this.#node = node;
    this.#peers = peers;
    this.#casualties = casualties;
  }

  /** `atOnce`: the tasks run and are healthy when this returns, as if placed some time ago. */
  receive(allocation: Allocation, atOnce: boolean): void {
    const run: Run = {
      allocation,
      phase: 'waiting',
      status: 'pending',
      description: '',
      tasks: null,
      healthy: undefined,
      reporting: false,
      timers: [],
    };
    this.#runs.set(allocation.ID, run);
    if (atOnce) this.#start(run, true);
    else this.#later(run, RECEIVE_MS, () => this.#awaitPrevious(run));
  }

  stop(allocation: Allocation): void {
    const run = this.#runs.get(allocation.ID);
    if (!run || !this.connected || run.phase === 'stopping' || run.phase === 'dead') return;
    if (run.phase === 'waiting') {
      this.#dead(run, 'complete');
      return;
    }
    run.phase = 'stopping';
    const { stopMs, killTimeoutMs } = behaviourOf(allocation);
    this.#later(run, RECEIVE_MS, () => {
      this.#note(run, killing(this.#state.nanos(), killTimeoutMs));
      const forced = stopMs >= killTimeoutMs;
      this.#later(run, Math.min(stopMs, killTimeoutMs), () => {
        this.#note(run, forced ? terminated(this.#state.nanos(), 137, 9) : terminated(this.#state.nanos(), 130, 2));
        this.#note(run, killed(this.#state.nanos()));
        this.#killed(run, forced ? 'force-killed' : 'stopped');
        this.#dead(run, 'complete');
      });
    });
  }

  /** The task ends by itself, now. */
  finish(allocationId: string): void {
    const run = this.#runs.get(allocationId);
    if (run && run.phase !== 'dead') this.#endByItself(run);
  }

  disconnect(): void {
    this.connected = false;
  }

  /** The machine dies, and everything on it at once. */
  die(): void {
    this.connected = false;
    this.powered = false;
    for (const run of this.#runs.values()) {
      if (run.phase === 'dead') continue;
      if (run.phase !== 'waiting') this.#killed(run, 'instance-died');
      run.phase = 'dead';
      this.#cancel(run);
    }
  }

  /** The agent is back: it stops what it no longer should run, and reports everything. */
  reconnect(): void {
    this.connected = true;
    for (const run of this.#runs.values()) {
      if (run.allocation.DesiredStatus === 'stop') this.stop(run.allocation);
      if (!clientTerminal(run.allocation) || run.status !== run.allocation.ClientStatus) this.#report(run);
    }
  }

  /** A replacement with a sticky or migrating disk waits for its predecessor to stop, then copies (`drain-migrate-disk`). */
  #awaitPrevious(run: Run): void {
    const { Sticky, Migrate } = groupOf(run.allocation).EphemeralDisk;
    const previous = this.#state.allocations.get(run.allocation.PreviousAllocation);
    if (!previous || !(Sticky || Migrate)) {
      this.#later(run, START_MS, () => this.#start(run, false));
      return;
    }
    const go = () => {
      if (Migrate && previous.NodeID !== this.#node.ID) this.#copy(run, previous);
      else this.#later(run, START_MS, () => this.#start(run, false));
    };
    if (clientTerminal(previous)) {
      go();
      return;
    }
    const stopListening = this.#state.onCommit(() => {
      if (!clientTerminal(previous)) return;
      stopListening();
      if (run.phase === 'waiting') go();
    });
    run.timers.push(stopListening);
  }

  #copy(run: Run, previous: Allocation): void {
    const source = () => this.#peers.get(previous.NodeID);
    const reachable = () => source()?.connected === true;
    const begun = reachable();
    this.#later(run, begun ? behaviourOf(run.allocation).copyMs : 0, () => {
      if (!begun || !reachable()) {
        this.#casualties.lostDisks.push({
          allocationId: run.allocation.ID,
          previousAllocationId: previous.ID,
          at: this.#state.clock.now(),
        });
      }
      this.#later(run, START_MS, () => this.#start(run, false));
    });
  }

  #start(run: Run, atOnce: boolean): void {
    run.phase = 'running';
    run.status = 'running';
    run.description = 'Tasks are running';
    run.tasks = pendingTasks(run.allocation);
    for (const event of [received, taskSetup, started]) this.#note(run, event(this.#state.nanos()));
    for (const task of Object.values(run.tasks)) {
      task.State = 'running';
      task.StartedAt = this.#state.timestamp();
    }
    const { runMs } = behaviourOf(run.allocation);
    if (runMs !== undefined) this.#later(run, runMs, () => this.#endByItself(run));
    const group = groupOf(run.allocation);
    // A job's first allocations count as healthy by its update block, those that replace them by its migrate block.
    const first = this.#state.evaluations.get(run.allocation.EvalID)?.TriggeredBy === 'job-register';
    const health = first ? group.Update : (group.Migrate ?? group.Update);
    if (atOnce) {
      if (health) run.healthy = true;
      this.#tell(run);
      return;
    }
    if (health) {
      this.#later(run, health.MinHealthyTime / 1e6, () => {
        run.healthy = true;
        this.#report(run);
      });
    }
    this.#report(run);
  }

  #endByItself(run: Run): void {
    const { exitCode } = behaviourOf(run.allocation);
    run.tasks ??= pendingTasks(run.allocation);
    this.#note(run, terminated(this.#state.nanos(), exitCode, 0));
    this.#dead(run, exitCode === 0 ? 'complete' : 'failed');
  }

  #dead(run: Run, status: 'complete' | 'failed'): void {
    this.#cancel(run);
    run.phase = 'dead';
    run.status = status;
    run.description = status === 'complete' ? 'All tasks have completed' : 'Failed tasks';
    for (const task of Object.values(run.tasks ?? {})) {
      task.State = 'dead';
      task.Failed = status === 'failed';
      task.FinishedAt = this.#state.timestamp();
    }
    this.#report(run);
  }

  #note(run: Run, event: TaskEvent): void {
    for (const task of Object.values(run.tasks ?? {})) task.Events.push(event);
    this.#report(run);
  }

  #killed(run: Run, how: KilledTask['how']): void {
    const { ID, JobID, Job, Namespace } = run.allocation;
    this.#casualties.killed.push({
      allocationId: ID,
      jobId: JobID,
      jobType: Job.Type,
      namespace: Namespace,
      nodeId: this.#node.ID,
      at: this.#state.clock.now(),
      how,
    });
  }

  #report(run: Run): void {
    if (run.reporting) return;
    run.reporting = true;
    // Not one of the run's own timers: what a task did last is reported after its end.
    this.#state.clock.after(REPORT_MS, () => {
      run.reporting = false;
      if (this.connected) this.#tell(run);
    });
  }

  #tell(run: Run): void {
    const { allocation } = run;
    const index = this.#state.next();
    allocation.ClientStatus = run.status;
    allocation.ClientDescription = run.description;
    allocation.TaskStates = structuredClone(run.tasks);
    if (run.healthy !== undefined && allocation.DeploymentStatus === null) {
      allocation.DeploymentStatus = {
        Canary: false,
        Healthy: run.healthy,
        ModifyIndex: index,
        Timestamp: this.#state.timestamp(),
      };
    }
    allocation.ModifyIndex = index;
    allocation.ModifyTime = this.#state.nanos();
    this.#state.commit(index, 'allocs');
  }

  #later(run: Run, ms: number, callback: () => void): void {
    run.timers.push(this.#state.clock.after(ms, callback));
  }

  #cancel(run: Run): void {
    for (const cancel of run.timers.splice(0)) cancel();
  }
}
