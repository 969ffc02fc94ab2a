import type { Allocation, Node, Task } from '../model.ts';
import { clientTerminal, groupOf } from '../model.ts';
import type { State } from '../state.ts';
import { AllocRun } from './alloc-run.ts';
import { noteClientStatus } from './away.ts';
import type { Casualties, KilledTask, TaskProcess } from './casualties.ts';
import { aboutTask, processesOf, type Run } from './client-run.ts';
import { awaitDisk } from './disk.ts';

/** From placement to the client's knowing, and from any change to the servers' knowing it: 15 and 160 ms in
 * `drain-batch` (CreateTime, Received, ModifyTime). */
const RECEIVE_MS = 15;
const REPORT_MS = 160;
/** From the servers' forgetting it to the client's beginning to stop it: within a second, and this many at a time. */
const FORGOTTEN_MS = 200;
const FORGOTTEN_AT_ONCE = 2;

/** The Nomad client of one node: runs what the servers place there, and tells them how it goes. */
export class Client {
  /** The agent runs and the servers hear it. */
  connected = true;
  /** The machine runs. */
  powered = true;
  /** As it last registered. */
  node: Node;
  readonly #state: State;
  readonly #peers: Map<string, Client>;
  readonly #casualties: Casualties;
  /** Tells the servers' scheduler of an allocation that has failed. */
  readonly #failed: (allocation: Allocation) => void;
  readonly #runs = new Map<string, Run>();

  constructor(
    state: State,
    node: Node,
    peers: Map<string, Client>,
    casualties: Casualties,
    failed: (allocation: Allocation) => void,
  ) {
    this.#state = state;
    this.node = node;
    this.#peers = peers;
    this.#casualties = casualties;
    this.#failed = failed;
  }

  /** `atOnce`: the tasks run and are healthy when this returns, as if placed some time ago. */
  receive(allocation: Allocation, atOnce: boolean): void {
    const run: Run = {
      allocation,
      tasks: new AllocRun(this.#state, allocation, {
        agentRuns: () => this.connected,
        changed: () => this.#changed(run),
        killed: (task, how) => this.#killed(run, task, how),
      }),
      stopping: false,
      lost: false,
      forgotten: false,
      collected: false,
      healthy: undefined,
      reporting: false,
      timers: [],
      health: undefined,
    };
    this.#runs.set(allocation.ID, run);
    if (!atOnce) {
      this.#later(run, RECEIVE_MS, () => {
        const begin = () => run.tasks.begin(false);
        run.timers.push(
          awaitDisk({ state: this.#state, peers: this.#peers, casualties: this.#casualties }, allocation, begin),
        );
      });
      return;
    }
    run.tasks.begin(true);
    if (this.#healthPolicy(run)) run.healthy = true;
    this.#tell(run);
  }

  stop(allocation: Allocation): void {
    const run = this.#runs.get(allocation.ID);
    if (!run || !this.connected || run.stopping || run.lost || run.tasks.over) return;
    run.stopping = true;
    const stop = () => {
      this.#cancel(run);
      run.tasks.stop();
    };
    if (run.tasks.begun) this.#later(run, RECEIVE_MS, stop);
    else stop();
  }

  /** The allocation's tasks end by themselves, now. */
  finish(allocationId: string): void {
    const run = this.#runs.get(allocationId);
    if (!run || run.lost) return;
    if (!run.tasks.begun) this.#cancel(run);
    run.tasks.finish();
  }

  /** The agent forgets all it has run: its data directory is empty. What still runs, runs on unknown to Nomad. */
  forget(): void {
    this.connected = false;
    for (const run of this.#runs.values()) {
      run.lost = true;
      run.health?.();
      this.#cancel(run);
    }
  }

  /** The servers have forgotten the allocation: the agent stops it when it next hears what it is to run. */
  forgotten({ ID }: Allocation): void {
    const run = this.#runs.get(ID);
    if (!run || run.lost) return;
    run.forgotten = true;
    run.health?.();
    this.#state.clock.after(FORGOTTEN_MS, () => this.#collect());
  }

  /** What runs on this machine, known or not. */
  processes(): TaskProcess[] {
    if (!this.powered) return [];
    return [...this.#runs.values()].flatMap((run) => processesOf(run));
  }

  disconnect(): void {
    this.connected = false;
  }

  /** The machine dies, and everything on it at once. */
  die(): void {
    this.connected = false;
    this.powered = false;
    for (const run of this.#runs.values()) {
      const gone = run.tasks.lose();
      // Of what its own agent has forgotten, Nomad did not know that it was alive.
      if (run.lost) continue;
      run.lost = true;
      run.health?.();
      for (const task of gone) this.#killed(run, task, 'instance-died');
      this.#cancel(run);
    }
  }

  /** The agent is back: it stops what it no longer should run, and reports everything. */
  reconnect(): void {
    this.connected = true;
    for (const run of this.#runs.values()) {
      if (run.lost) continue;
      run.tasks.resume();
      if (run.forgotten) continue;
      if (run.allocation.DesiredStatus === 'stop') this.stop(run.allocation);
      if (!clientTerminal(run.allocation) || run.tasks.reported().status !== run.allocation.ClientStatus) {
        this.#report(run);
      }
    }
    this.#collect();
  }

  /** Two at a time, each until its last task has ended, what runs after the others too. */
  #collect(): void {
    if (!this.connected) return;
    const left = [...this.#runs.values()].filter((run) => run.forgotten && !run.lost && !run.tasks.over);
    let stopping = left.filter(({ collected }) => collected).length;
    for (const run of left) {
      if (run.collected || stopping >= FORGOTTEN_AT_ONCE) continue;
      stopping += 1;
      run.collected = true;
      this.#cancel(run);
      run.tasks.stop();
    }
  }

  /** By what its allocation counts as healthy: of a job's first allocations its update block, later its migrate block. */
  #healthPolicy({ allocation }: Run): { MinHealthyTime: number } | null {
    const group = groupOf(allocation);
    const first = this.#state.evaluations.get(allocation.EvalID)?.TriggeredBy === 'job-register';
    return first ? group.Update : (group.Migrate ?? group.Update);
  }

  #changed(run: Run): void {
    if (run.forgotten) {
      if (run.tasks.over) this.#collect();
      return;
    }
    const policy = this.#healthPolicy(run);
    if (!run.tasks.up) {
      run.health?.();
      run.health = undefined;
    } else if (policy && run.healthy === undefined && !run.health) {
      run.health = this.#state.clock.after(policy.MinHealthyTime / 1e6, () => {
        run.healthy = true;
        this.#report(run);
      });
    }
    this.#report(run);
  }

  #killed(run: Run, task: Task, how: KilledTask['how']): void {
    this.#casualties.killed.push({ ...aboutTask(run, task), at: this.#state.clock.now(), how });
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
    if (run.forgotten) return;
    const { status, description, tasks } = run.tasks.reported();
    const index = this.#state.next();
    const failed = status === 'failed' && allocation.ClientStatus !== 'failed';
    const wasUnknown = allocation.ClientStatus === 'unknown';
    allocation.ClientStatus = status;
    if (wasUnknown) noteClientStatus(allocation, this.#state.timestamp());
    allocation.ClientDescription = description;
    allocation.TaskStates = tasks;
    // What failed before it was healthy is unhealthy.
    if (failed && this.#healthPolicy(run)) run.healthy ??= false;
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
    // Nomad notes at the node that its client has told something: not in the node's own index, but in that of all nodes.
    this.#state.commit(index, 'allocs', 'nodes');
    if (failed) this.#failed(allocation);
  }

  #later(run: Run, ms: number, callback: () => void): void {
    run.timers.push(this.#state.clock.after(ms, callback));
  }

  #cancel(run: Run): void {
    for (const cancel of run.timers.splice(0)) cancel();
  }
}
