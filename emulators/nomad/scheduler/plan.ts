import { disconnectOf, fateOf } from '../client/away.ts';
import type { Allocation, Job, Node, TaskGroup } from '../model.ts';
import { clientTerminal, terminal } from '../model.ts';
import type { State } from '../state.ts';
import { onlyLostAfterKeeps, since } from '../version.ts';
import type { Evaluation } from './evaluation.ts';
import { place, schedulable } from './placement.ts';
import { nextReschedule, WINDOW_MS } from './reschedule.ts';

const MIGRATING = 'alloc is being migrated';
const LOST = 'alloc is lost since its node is down';
const NOT_NEEDED = 'alloc not needed due to job update';
const RESCHEDULED = 'alloc was rescheduled because it failed';
const TAINTED = 'alloc not needed as node is tainted';

/** What is to be stopped and what is to be placed, to make a job what it should be; and what is to be looked at later. */
export interface Plan {
  stop: { allocation: Allocation; because: string; lost?: boolean }[];
  /** Their client is away, and they may come back. */
  away: Allocation[];
  place: { group: TaskGroup; name: string; previous: Allocation | undefined; rescheduled?: boolean; node?: Node }[];
  later: { allocation: Allocation; why: Why; atMs: number }[];
}

export type Why = 'alloc-reschedule' | 'max-disconnect-timeout';

export const planFor = (state: State, job: Job, evaluation: Evaluation): Plan => {
  const plan: Plan = { stop: [], away: [], place: [], later: [] };
  const allocations = state.allocationsOf(job.Namespace, job.ID);
  for (const allocation of allocations) planStop(state, plan, job, allocation);
  if (job.Stop) return plan;
  const leaving = new Map(plan.stop.map(({ allocation }) => [allocation.ID, allocation]));
  for (const group of job.TaskGroups) {
    const ofGroup = allocations.filter(({ TaskGroup }) => TaskGroup === group.Name);
    if (job.Type === 'system' || job.Type === 'sysbatch') planSystem(state, plan, job, group, ofGroup, leaving);
    else planCount(state, plan, job, group, ofGroup, leaving, evaluation);
  }
  return plan;
};

const planStop = (state: State, plan: Plan, job: Job, allocation: Allocation): void => {
  if (clientTerminal(allocation)) return;
  const node = state.nodes.get(allocation.NodeID);
  const away = !node || node.Status === 'down';
  if (allocation.DesiredStatus === 'stop') {
    // What was to stop is written off with its node; what was unknown then stays unknown.
    if (away && allocation.ClientStatus !== 'unknown') plan.stop.push({ allocation, because: LOST, lost: true });
    return;
  }
  const fate = fateOf(allocation, node, state.version, state.now());
  if (fate === 'lost') plan.stop.push({ allocation, because: LOST, lost: true });
  else if (job.Stop) plan.stop.push({ allocation, because: NOT_NEEDED });
  else if (fate === 'unknown') {
    plan.away.push(allocation);
    const { lostAfterMs } = disconnectOf(allocation, state.version);
    // Where no time is given, there is nothing to look at later, or at once: it is lost then.
    if (lostAfterMs > 0 || onlyLostAfterKeeps(state.version)) {
      plan.later.push({ allocation, why: 'max-disconnect-timeout', atMs: state.now() + lostAfterMs });
    }
  } else if (fate === 'migrates') {
    const system = job.Type === 'system' || job.Type === 'sysbatch';
    plan.stop.push({ allocation, because: system ? TAINTED : MIGRATING });
  } else if (node?.Status === 'ready' && allocation.ClientStatus !== 'unknown' && superseded(state, allocation)) {
    plan.stop.push({ allocation, because: NOT_NEEDED });
  }
};

/** The replacement of an allocation whose node came back is not needed any more. */
const superseded = (state: State, { PreviousAllocation }: Allocation): boolean => {
  const previous = state.allocations.get(PreviousAllocation);
  if (previous?.DesiredStatus !== 'run' || previous.ClientStatus !== 'running') return false;
  return state.nodes.get(previous.NodeID)?.Status === 'ready';
};

const planSystem = (
  state: State,
  plan: Plan,
  job: Job,
  group: TaskGroup,
  existing: Allocation[],
  leaving: Map<string, Allocation>,
): void => {
  for (const node of state.nodes.values()) {
    if (!schedulable(node)) continue;
    const here = existing.filter(({ ID, NodeID }) => NodeID === node.ID && !leaving.has(ID));
    if (here.some((allocation) => !terminal(allocation))) continue;
    if (job.Type === 'sysbatch' && here.some(({ ClientStatus }) => ClientStatus === 'complete')) continue;
    // A node that the constraints exclude is none of the job's; one without room is a failed placement.
    const { metric } = place(state, job, group, node);
    if (metric.NodesEvaluated === 0 || metric.NodesFiltered > 0) continue;
    plan.place.push({ group, name: `${job.ID}.${group.Name}[0]`, previous: undefined, node });
  }
};

/** A service or batch group: as many names as its count, each held by at most one allocation. */
const planCount = (
  state: State,
  plan: Plan,
  job: Job,
  group: TaskGroup,
  existing: Allocation[],
  leaving: Map<string, Allocation>,
  evaluation: Evaluation,
): void => {
  const held = new Set<string>();
  const previous = new Map<string, { allocation: Allocation; rescheduled: boolean }>();
  for (const allocation of existing) {
    const { Name } = allocation;
    if (keepsItsPlace(state, allocation, existing)) held.add(Name);
    else if (leaving.has(allocation.ID)) previous.set(Name, { allocation, rescheduled: false });
    else if (allocation.DesiredStatus !== 'run' || allocation.NextAllocation !== '') continue;
    else if (isDue(state, plan, allocation, evaluation)) {
      previous.set(Name, { allocation, rescheduled: true });
      // Since 1.10.1 the reason is lost on its way (hashicorp/nomad#25698).
      const because = since(state.version, '1.10.1') ? '' : RESCHEDULED;
      if (clientTerminal(allocation)) plan.stop.push({ allocation, because });
    } else if (job.Type !== 'service' || allocation.ClientStatus !== 'complete') held.add(Name);
  }
  for (let i = 0; i < group.Count; i += 1) {
    const name = `${job.ID}.${group.Name}[${i}]`;
    const before = previous.get(name);
    const rescheduled = before?.rescheduled === true;
    if (!held.has(name)) plan.place.push({ group, name, previous: before?.allocation, rescheduled });
  }
};

/**
 * A build that a drain stops has no other in its place. Before 2.0.4 that was forgotten in the next evaluation, which there is
 * as long as something of the job lives (hashicorp/nomad#28008).
 */
const keepsItsPlace = (
  { version }: State,
  { DesiredTransition, DesiredStatus }: Allocation,
  all: Allocation[],
): boolean =>
  DesiredTransition.MigrateDisablePlacement === true &&
  (since(version, '2.0.4') || DesiredStatus === 'run' || all.every(clientTerminal));

/** Whether another is to take its place now; where it is to do so later, a later look is planned. */
const isDue = (state: State, plan: Plan, allocation: Allocation, evaluation: Evaluation): boolean => {
  const { ClientStatus, FollowupEvalID } = allocation;
  if (plan.away.includes(allocation) || (ClientStatus !== 'failed' && ClientStatus !== 'unknown')) return false;
  if (ClientStatus === 'unknown' && !disconnectOf(allocation, state.version).replace) return false;
  const next = nextReschedule(allocation);
  if (!next) return false;
  if (FollowupEvalID === evaluation.ID || next.atMs - state.now() <= WINDOW_MS) return true;
  if (FollowupEvalID === '') plan.later.push({ allocation, why: 'alloc-reschedule', atMs: next.atMs });
  return false;
};
