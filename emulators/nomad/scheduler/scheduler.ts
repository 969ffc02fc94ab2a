import type { Client } from '../client/client.ts';
import { rfc3339 } from '../go-values.ts';
import type { Allocation, AllocMetric, Job, Node } from '../model.ts';
import type { State } from '../state.ts';
import { since } from '../version.ts';
import type { Evaluation } from './evaluation.ts';
import { blockedEvaluation, newEvaluation } from './evaluations.ts';
import { place } from './placement.ts';
import { type Plan, planFor, type Why } from './plan.ts';
import { type Chosen, choose, commit } from './plan-commit.ts';
import { nextReschedule } from './reschedule.ts';

/** From a change that could help to a blocked evaluation's being tried again. */
const UNBLOCK_MS = 5;

/** Why an evaluation waits for its time. */
const LATER: Record<Why, string> = {
  'alloc-reschedule': 'created for delayed rescheduling',
  'max-disconnect-timeout': 'created for delayed disconnect timeout',
};

interface Work {
  evaluation: Evaluation;
  job: Job;
  /** For tests that begin with what runs already. */
  atOnce: boolean;
}

/** Decides what runs where. Evaluations are processed the moment they are made. */
export class Scheduler {
  /** From a plan to its commit; whether nodes may be used is checked on an older snapshot (`plan_apply.go`). */
  planGapMs = 0;
  readonly #state: State;
  readonly #clients: Map<string, Client>;
  /** By job, while a plan of it is in flight: the evaluations that wait for their turn. */
  readonly #queues = new Map<string, Work[]>();
  #unblocking = false;

  constructor(state: State, clients: Map<string, Client>) {
    this.#state = state;
    this.#clients = clients;
    state.onCommit((tables) => {
      if (tables.includes('nodes') || tables.includes('allocs')) this.#unblockSoon();
    });
  }

  evaluate(job: Job, triggeredBy: string, atOnce = false): Evaluation {
    const waits = !atOnce && (this.planGapMs > 0 || this.#queues.has(keyOf(job)));
    const evaluation = newEvaluation(this.#state, job, triggeredBy, waits ? 'pending' : 'complete');
    if (waits) this.#state.commit(evaluation.CreateIndex, 'evals');
    this.#take({ evaluation, job, atOnce });
    return evaluation;
  }

  /** An allocation has failed: another may have to take its place, now or later. */
  failed(allocation: Allocation): void {
    const job = this.#state.job(allocation.Namespace, allocation.JobID);
    if (!job || job.Stop || allocation.DesiredStatus === 'stop' || allocation.FollowupEvalID !== '') return;
    if (nextReschedule(allocation)) this.evaluate(job, 'alloc-failure');
  }

  /** One evaluation of a job at a time: while a plan of it is in flight, the next ones wait. */
  #take(work: Work): void {
    const queue = this.#queues.get(keyOf(work.job));
    if (queue && !work.atOnce) queue.push(work);
    else this.#process(work);
  }

  /** Plans on what is so now; the plan is carried out after the gap, whatever has become of its nodes meanwhile. */
  #process(work: Work): void {
    const { evaluation, job, atOnce } = work;
    const plan = planFor(this.#state, job, evaluation);
    this.#putOff(plan, job, evaluation);
    const chosen = choose(this.#state, job, evaluation, plan);
    const key = keyOf(job);
    if (atOnce) this.#carryOut(chosen, work);
    else if (this.planGapMs === 0) {
      this.#carryOut(chosen, work);
      this.#next(key);
    } else {
      this.#queues.set(key, this.#queues.get(key) ?? []);
      this.#state.clock.after(this.planGapMs, () => {
        const { refused } = this.#carryOut(chosen, work);
        // What was refused is planned anew, on what is so now.
        if (refused) this.#process(work);
        else this.#next(key);
      });
    }
  }

  #next(key: string): void {
    const work = this.#queues.get(key)?.shift();
    if (!work) {
      this.#queues.delete(key);
      return;
    }
    const { Namespace, ID } = work.job;
    this.#process({ ...work, job: this.#state.job(Namespace, ID) ?? { ...work.job, Stop: true } });
  }

  #carryOut(chosen: Chosen, { evaluation, job, atOnce }: Work): { refused: boolean } {
    const { placed, refused } = commit(this.#state, chosen);
    for (const { allocation, lost } of chosen.plan.stop) {
      if (!lost) this.#clients.get(allocation.NodeID)?.stop(allocation);
    }
    for (const allocation of placed) this.#clients.get(allocation.NodeID)?.receive(allocation, atOnce);
    if (!refused) this.#conclude(evaluation, job, chosen.failed);
    return { refused };
  }

  #conclude(evaluation: Evaluation, job: Job, failed: Record<string, AllocMetric>): void {
    const unplaced = Object.keys(failed).length > 0;
    if (evaluation.Status !== 'complete') {
      evaluation.ModifyIndex = this.#state.next();
      evaluation.ModifyTime = this.#state.nanos();
    }
    if (evaluation.Status === 'blocked') {
      // It is processed under its own id: what it cannot place keeps it blocked.
      if (unplaced) evaluation.FailedTGAllocs = failed;
      else evaluation.Status = 'complete';
      this.#state.commit(evaluation.ModifyIndex, 'evals');
      return;
    }
    evaluation.Status = 'complete';
    evaluation.QueuedAllocations = Object.fromEntries(
      job.TaskGroups.map(({ Name }) => [Name, Number(failed[Name]?.CoalescedFailures ?? -1) + 1]),
    );
    const blocked = blockedEvaluation(this.#state, job);
    if (unplaced) {
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
      this.#state.clock.after(Math.max(0, atMs - this.#state.now()), () => this.#processLater(evaluation));
    }
  }

  #processLater(evaluation: Evaluation): void {
    const job = this.#state.job(evaluation.Namespace, evaluation.JobID);
    if (job) this.#take({ evaluation, job, atOnce: false });
    else this.#close(evaluation);
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

  /** While it is processed again it reads `blocked`. */
  #tryAgain(evaluation: Evaluation): void {
    const job = this.#state.job(evaluation.Namespace, evaluation.JobID);
    if (!job || job.Stop) {
      this.#close(evaluation);
      return;
    }
    const plan = planFor(this.#state, job, evaluation);
    if (plan.place.length > 0 && !plan.place.some(({ group, node }) => place(this.#state, job, group, node).node))
      return;
    this.#take({ evaluation, job, atOnce: false });
  }
}

const keyOf = ({ Namespace, ID }: Job) => `${Namespace}\0${ID}`;
