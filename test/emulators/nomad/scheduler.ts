import { noteClientStatus } from './away.ts';
import type { Client } from './client.ts';
import type { Evaluation } from './evaluation.ts';
import { blockedEvaluation, newEvaluation } from './evaluations.ts';
import { rfc3339 } from './go-values.ts';
import type { Allocation, AllocMetric, Job, Node } from './model.ts';
import { place } from './placement.ts';
import { type Plan, planFor, type Why } from './plan.ts';
import { nextReschedule, trackerOf } from './reschedule.ts';
import type { State } from './state.ts';
import { since } from './version.ts';

/** From a change that could help to a blocked evaluation's being tried again. */
const UNBLOCK_MS = 5;

/** Why an evaluation waits for its time. */
const LATER: Record<Why, string> = {
  'alloc-reschedule': 'created for delayed rescheduling',
  'max-disconnect-timeout': 'created for delayed disconnect timeout',
};

/** Decides what runs where. Evaluations are processed the moment they are made. */
export class Scheduler {
  readonly #state: State;
  readonly #clients: Map<string, Client>;
  #unblocking = false;

  constructor(state: State, clients: Map<string, Client>) {
    this.#state = state;
    this.#clients = clients;
    state.onCommit((tables) => {
      if (tables.includes('nodes') || tables.includes('allocs')) this.#unblockSoon();
    });
  }

  evaluate(job: Job, triggeredBy: string, atOnce = false): Evaluation {
    const evaluation = newEvaluation(this.#state, job, triggeredBy, 'complete');
    this.#process(evaluation, job, atOnce);
    return evaluation;
  }

  /** An allocation has failed: another may have to take its place, now or later. */
  failed(allocation: Allocation): void {
    const job = this.#state.job(allocation.Namespace, allocation.JobID);
    if (!job || job.Stop || allocation.DesiredStatus === 'stop' || allocation.FollowupEvalID !== '') return;
    if (nextReschedule(allocation)) this.evaluate(job, 'alloc-failure');
  }

  #process(evaluation: Evaluation, job: Job, atOnce: boolean): void {
    const plan = planFor(this.#state, job, evaluation);
    this.#putOff(plan, job, evaluation);
    const failed = this.#carryOut(plan, job, evaluation, atOnce);
    evaluation.QueuedAllocations = Object.fromEntries(
      job.TaskGroups.map(({ Name }) => [Name, (failed[Name]?.CoalescedFailures as number | undefined) ?? -1]).map(
        ([name, coalesced]) => [name, Number(coalesced) + 1],
      ),
    );
    const blocked = blockedEvaluation(this.#state, job);
    if (Object.keys(failed).length > 0) {
      evaluation.FailedTGAllocs = failed;
      evaluation.BlockedEval = this.#block(job, evaluation, failed, blocked).ID;
    } else if (blocked) this.#close(blocked);
    this.#state.commit(evaluation.ModifyIndex, 'evals');
  }

  /** What is to be looked at later has an evaluation of its own, which waits for its time. */
  #putOff({ later }: Plan, job: Job, cause: Evaluation): void {
    for (const [why, statusDescription] of Object.entries(LATER)) {
      const due = later.filter((each) => each.why === why);
      if (due.length === 0) continue;
      const atMs = Math.min(...due.map((each) => each.atMs));
      // Named after its cause since 1.11 (hashicorp/nomad#26961).
      const named = why !== 'alloc-reschedule' || since(this.#state.version, '1.11.0');
      const evaluation = newEvaluation(this.#state, job, named ? why : 'alloc-failure', 'pending');
      evaluation.StatusDescription = statusDescription;
      evaluation.WaitUntil = rfc3339(atMs);
      evaluation.PreviousEval = cause.ID;
      // hashicorp/nomad#27852.
      if (since(this.#state.version, '2.0.1')) cause.NextEval = evaluation.ID;
      for (const { allocation } of due) {
        allocation.FollowupEvalID = evaluation.ID;
        allocation.ModifyIndex = evaluation.ModifyIndex;
      }
      this.#state.commit(evaluation.ModifyIndex, 'evals', 'allocs');
      this.#state.clock.after(Math.max(0, atMs - this.#state.clock.now()), () => this.#processLater(evaluation));
    }
  }

  #processLater(evaluation: Evaluation): void {
    evaluation.Status = 'complete';
    evaluation.ModifyIndex = this.#state.next();
    evaluation.ModifyTime = this.#state.nanos();
    const job = this.#state.job(evaluation.Namespace, evaluation.JobID);
    if (job) this.#process(evaluation, job, false);
  }

  /** A node came, went or changed its eligibility: the jobs with allocations there, and all system jobs, look again. */
  nodeChanged(node: Node, triggeredBy = 'node-update'): Evaluation[] {
    const jobs = new Set<Job>();
    for (const { Namespace, JobID } of this.#state.allocationsOn(node.ID)) {
      const job = this.#state.job(Namespace, JobID);
      if (job) jobs.add(job);
    }
    for (const job of this.#state.jobs.values()) {
      if ((job.Type === 'system' || job.Type === 'sysbatch') && !job.Stop) jobs.add(job);
    }
    return [...jobs].map((job) => this.evaluate(job, triggeredBy));
  }

  #carryOut(plan: Plan, job: Job, evaluation: Evaluation, atOnce: boolean): Record<string, AllocMetric> {
    const failed: Record<string, AllocMetric> = {};
    if (plan.stop.length + plan.place.length + plan.away.length === 0) return failed;
    const index = this.#state.next();
    for (const { allocation, because, lost } of plan.stop) {
      allocation.DesiredStatus = 'stop';
      allocation.DesiredDescription = because;
      if (lost) allocation.ClientStatus = 'lost';
    }
    for (const allocation of plan.away) {
      allocation.ClientStatus = 'unknown';
      allocation.ClientDescription = 'alloc is unknown since its node is disconnected';
      noteClientStatus(allocation, this.#state.timestamp());
    }
    for (const allocation of [...plan.away, ...plan.stop.map((each) => each.allocation)]) {
      allocation.ModifyIndex = index;
      allocation.AllocModifyIndex = index;
      allocation.ModifyTime = this.#state.nanos();
    }
    const placed = plan.place.flatMap((wanted) => {
      const { node, metric } = place(this.#state, job, wanted.group, wanted.node, wanted.previous);
      if (node) return [this.#place(job, wanted, node, metric, evaluation, index)];
      const before = failed[wanted.group.Name];
      if (before) before.CoalescedFailures = Number(before.CoalescedFailures) + 1;
      else failed[wanted.group.Name] = metric;
      return [];
    });
    this.#state.commit(index, 'allocs');
    for (const { allocation, lost } of plan.stop) if (!lost) this.#clients.get(allocation.NodeID)?.stop(allocation);
    for (const allocation of placed) this.#clients.get(allocation.NodeID)?.receive(allocation, atOnce);
    return failed;
  }

  #place(
    job: Job,
    { group, name, previous, rescheduled }: Plan['place'][number],
    node: Node,
    Metrics: AllocMetric,
    evaluation: Evaluation,
    index: number,
  ): Allocation {
    const allocation: Allocation = {
      ID: this.#state.id(),
      EvalID: evaluation.ID,
      Name: name,
      Namespace: job.Namespace,
      NodeID: node.ID,
      NodeName: node.Name,
      JobID: job.ID,
      Job: job,
      TaskGroup: group.Name,
      ClientStatus: 'pending',
      ClientDescription: '',
      DesiredStatus: 'run',
      DesiredDescription: '',
      DesiredTransition: { Migrate: null, MigrateDisablePlacement: null },
      DeploymentID: '',
      DeploymentStatus: null,
      NextAllocation: '',
      PreviousAllocation: previous?.ID ?? '',
      FollowupEvalID: '',
      RescheduleTracker: trackerOf(previous, rescheduled === true, this.#state.nanos()),
      AllocStates: null,
      TaskStates: null,
      Metrics,
      CreateTime: this.#state.nanos(),
      ModifyTime: this.#state.nanos(),
      CreateIndex: index,
      AllocModifyIndex: index,
      ModifyIndex: index,
    };
    if (previous) previous.NextAllocation = allocation.ID;
    this.#state.addAllocation(allocation);
    return allocation;
  }

  #block(
    job: Job,
    cause: Evaluation,
    failed: Record<string, AllocMetric>,
    existing: Evaluation | undefined,
  ): Evaluation {
    if (existing) existing.Status = 'cancelled';
    const { QueuedAllocations: _, BlockedEval: __, ...common } = cause;
    const blocked: Evaluation = {
      ...common,
      ID: this.#state.id(),
      TriggeredBy: 'queued-allocs',
      JobID: job.ID,
      Status: 'blocked',
      StatusDescription: 'created to place remaining allocations',
      PreviousEval: cause.ID,
      FailedTGAllocs: failed,
    };
    this.#state.evaluations.set(blocked.ID, blocked);
    return blocked;
  }

  #close(blocked: Evaluation): void {
    blocked.Status = 'complete';
    blocked.ModifyTime = this.#state.nanos();
  }

  #unblockSoon(): void {
    if (this.#unblocking) return;
    const blocked = [...this.#state.evaluations.values()].filter(({ Status }) => Status === 'blocked');
    if (blocked.length === 0) return;
    this.#unblocking = true;
    this.#state.clock.after(UNBLOCK_MS, () => {
      this.#unblocking = false;
      for (const evaluation of blocked.filter(({ Status }) => Status === 'blocked')) this.#tryAgain(evaluation);
    });
  }

  /** An unblocked evaluation is processed again under its own id: what it cannot place keeps it blocked. */
  #tryAgain(evaluation: Evaluation): void {
    const job = this.#state.job(evaluation.Namespace, evaluation.JobID);
    if (!job || job.Stop) {
      this.#close(evaluation);
      return;
    }
    const plan = planFor(this.#state, job, evaluation);
    if (plan.place.length > 0 && !plan.place.some(({ group, node }) => place(this.#state, job, group, node).node))
      return;
    const index = this.#state.next();
    this.#putOff(plan, job, evaluation);
    const failed = this.#carryOut(plan, job, evaluation, false);
    evaluation.ModifyIndex = index;
    if (Object.keys(failed).length > 0) evaluation.FailedTGAllocs = failed;
    else this.#close(evaluation);
    this.#state.commit(index, 'evals');
  }
}
