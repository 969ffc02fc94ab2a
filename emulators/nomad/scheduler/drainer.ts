import { wholeSeconds } from '../go-values.ts';
import type { Allocation, Job, Node } from '../model.ts';
import { clientTerminal, isPlugin, terminal } from '../model.ts';
import type { State } from '../state.ts';
import { replacesDrainedBuilds } from '../version.ts';
import type { Scheduler } from './scheduler.ts';

/** Nomad gathers for a second what it tells allocations to migrate: `drain-deadline` completes 5 s after a request of 4 s. */
const BATCH_MS = 1000;
/** Nodes whose deadlines lie within five seconds are forced together, at the latest of them. */
const COALESCE_MS = 5000;
/** From a change to the drainer's having dealt with it. */
const NOTICE_MS = 2;

/** The part of the Nomad leader that empties draining nodes. */
export class Drainer {
  readonly #state: State;
  readonly #scheduler: Scheduler;
  readonly #nodes = new Set<string>();
  readonly #jobs = new Map<string, Job>();
  readonly #deadlines = new Map<string, number>();
  #deadlineTimer: (() => void) | undefined;
  #batch: { allocations: Set<Allocation>; done: (() => void)[] } | undefined;
  #noticed = false;
  #migrating = false;
  #handled = 0;

  constructor(state: State, scheduler: Scheduler) {
    this.#state = state;
    this.#scheduler = scheduler;
    state.onCommit((tables) => {
      if (tables.includes('allocs')) this.#notice();
    });
  }

  /** A node's drain strategy was set or changed. */
  update(node: Node): void {
    const { clock } = this.#state;
    // Of the true time, whatever Nomad's clocks say: so it is right even if they are set meanwhile.
    const at = clock.now() + (node.DrainStrategy?.Deadline ?? 0) / 1e6;
    clock.after(NOTICE_MS, () => {
      if (node.DrainStrategy) this.#watch(node, node.DrainStrategy.Deadline, at);
    });
  }

  /** A node's drain was cancelled, or the node is gone. */
  remove(nodeId: string): void {
    this.#nodes.delete(nodeId);
    this.#deadlines.delete(nodeId);
    this.#setDeadlineTimer();
  }

  #watch(node: Node, deadline: number, at: number): void {
    this.#nodes.add(node.ID);
    if (deadline > 0) this.#deadlines.set(node.ID, at);
    else this.#deadlines.delete(node.ID);
    this.#setDeadlineTimer();
    // A forced drain is one whose deadline has passed already. It takes the same path, so that `deadline_reached` is
    // said of it too, a second later; even where the node was idle, and its drain complete by then.
    if (deadline < 0) this.#force([node.ID]);
    for (const { Job } of this.#state.allocationsOn(node.ID).filter((allocation) => !terminal(allocation))) {
      if (Job.Type === 'system' || isPlugin(Job)) continue;
      this.#jobs.set(`${Job.Namespace}\0${Job.ID}`, Job);
      this.#handled = 0;
    }
    this.#notice();
    if (this.#isDone(node.ID)) this.#complete([node.ID]);
  }

  /** System jobs and CSI plugins are stopped when everything else is done, so they do not count here. */
  #isDone(nodeId: string): boolean {
    return this.#state
      .allocationsOn(nodeId)
      .every(
        (allocation) => allocation.Job.Type === 'system' || isPlugin(allocation.Job) || clientTerminal(allocation),
      );
  }

  #remaining(node: Node): Allocation[] {
    const ignoreSystem = node.DrainStrategy?.IgnoreSystemJobs === true;
    return this.#state
      .allocationsOn(node.ID)
      .filter((allocation) => !terminal(allocation) && !(ignoreSystem && allocation.Job.Type === 'system'));
  }

  #complete(nodeIds: string[]): void {
    const nodes = nodeIds.flatMap((id) => this.#state.nodes.get(id) ?? []);
    this.#migrate(nodes.flatMap((node) => this.#remaining(node)));
    this.#markComplete(nodes, null);
  }

  #markComplete(nodes: Node[], details: Record<string, string> | null): void {
    if (nodes.length === 0) return;
    const index = this.#state.next();
    for (const node of nodes) {
      this.#state.addEvent(node, index, { Subsystem: 'Drain', Message: 'Node drain complete', Details: details });
      if (node.DrainStrategy && node.LastDrain) {
        node.LastDrain = {
          ...node.LastDrain,
          Status: 'complete',
          UpdatedAt: wholeSeconds(this.#state.now()),
        };
      }
      node.DrainStrategy = null;
      node.Drain = false;
      node.StatusUpdatedAt = Math.floor(this.#state.now() / 1000);
      node.ModifyIndex = index;
      this.remove(node.ID);
    }
    this.#state.commit(index, 'nodes');
  }

  #notice(): void {
    if (this.#noticed || this.#jobs.size === 0) return;
    this.#noticed = true;
    this.#state.clock.after(NOTICE_MS, () => {
      this.#noticed = false;
      this.#lookAtJobs();
    });
  }

  #lookAtJobs(): void {
    // One request at a time: what the last look asked for must be committed before the next look counts again.
    if (this.#migrating) return;
    const handled = this.#handled;
    const drain: Allocation[] = [];
    const migrated = new Set<string>();
    for (const [key, { Namespace, ID }] of [...this.#jobs]) {
      const job = this.#state.job(Namespace, ID);
      const allocations = this.#state.allocationsOf(Namespace, ID);
      for (const { ModifyIndex } of allocations) this.#handled = Math.max(this.#handled, ModifyIndex);
      if (!job || !this.#handleJob(job, allocations, handled, drain, migrated)) this.#jobs.delete(key);
    }
    if (drain.length > 0) {
      this.#migrating = true;
      this.#migrateInBatch(drain, () => {
        this.#migrating = false;
        this.#notice();
      });
    }
    const done = [...migrated].filter((nodeId) => this.#nodes.has(nodeId) && this.#isDone(nodeId));
    if (done.length > 0) this.#complete(done);
  }

  /** True while the job still has allocations on draining nodes. */
  #handleJob(
    job: Job,
    allocations: Allocation[],
    handled: number,
    drain: Allocation[],
    migrated: Set<string>,
  ): boolean {
    let draining = false;
    for (const group of job.TaskGroups) {
      // Neither batch nor service: a sysbatch job's end completes no drain.
      if (job.Type !== 'batch' && !group.Migrate) continue;
      const drainable: Allocation[] = [];
      let healthy = 0;
      for (const allocation of allocations.filter(({ TaskGroup }) => TaskGroup === group.Name)) {
        const onDrainingNode = Boolean(this.#state.nodes.get(allocation.NodeID)?.DrainStrategy);
        const asked = allocation.DesiredTransition.Migrate === true;
        if (clientTerminal(allocation) && onDrainingNode && allocation.ModifyIndex > handled) {
          migrated.add(allocation.NodeID);
          continue;
        }
        if (!terminal(allocation) && allocation.DeploymentStatus !== null && !asked) healthy += 1;
        if (!onDrainingNode || clientTerminal(allocation)) continue;
        draining = true;
        if (!asked) drainable.push(allocation);
      }
      // Builds are left alone until they are done or the deadline is reached.
      if (job.Type === 'batch' || !group.Migrate) continue;
      const surplus = healthy - (group.Count - group.Migrate.MaxParallel);
      drain.push(...drainable.slice(0, Math.max(0, surplus)));
    }
    return draining;
  }

  #migrateInBatch(allocations: Allocation[], done: () => void): void {
    if (!this.#batch) {
      const batch = { allocations: new Set<Allocation>(), done: [] as (() => void)[] };
      this.#batch = batch;
      this.#state.clock.after(BATCH_MS, () => {
        this.#batch = undefined;
        this.#migrate([...batch.allocations]);
        for (const callback of batch.done) callback();
      });
    }
    for (const allocation of allocations) this.#batch.allocations.add(allocation);
    this.#batch.done.push(done);
  }

  #migrate(allocations: Allocation[]): void {
    if (allocations.length === 0) return;
    const index = this.#state.next();
    const jobs = new Set<Job>();
    const keep = !replacesDrainedBuilds(this.#state.version);
    for (const allocation of allocations) {
      allocation.DesiredTransition = {
        ...allocation.DesiredTransition,
        Migrate: true,
        MigrateDisablePlacement: keep && allocation.Job.Type === 'batch' ? true : null,
      };
      allocation.ModifyIndex = index;
      jobs.add(this.#state.job(allocation.Namespace, allocation.JobID) ?? allocation.Job);
    }
    this.#state.commit(index, 'allocs');
    for (const job of jobs) this.#scheduler.evaluate(job, 'node-drain');
  }

  #setDeadlineTimer(): void {
    this.#deadlineTimer?.();
    this.#deadlineTimer = undefined;
    if (this.#deadlines.size === 0) return;
    const earliest = Math.min(...this.#deadlines.values());
    const together = Math.max(...[...this.#deadlines.values()].filter((at) => at < earliest + COALESCE_MS));
    this.#deadlineTimer = this.#state.clock.after(together - this.#state.clock.now(), () => {
      const reached = [...this.#deadlines].filter(([, at]) => at <= together).map(([nodeId]) => nodeId);
      for (const nodeId of reached) this.#deadlines.delete(nodeId);
      this.#setDeadlineTimer();
      this.#force(reached);
    });
  }

  #force(reached: string[]): void {
    const nodes = reached.flatMap((id) => this.#state.nodes.get(id) ?? []);
    const left = nodes.filter(({ ID }) => this.#nodes.has(ID)).flatMap((node) => this.#remaining(node));
    this.#migrateInBatch(left, () => {
      const present = nodes.filter(({ ID }) => this.#state.nodes.has(ID));
      this.#markComplete(present, { deadline_reached: 'true' });
    });
  }
}
