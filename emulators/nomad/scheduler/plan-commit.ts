import { noteClientStatus } from '../client/away.ts';
import type { Allocation, AllocMetric, Job, Node } from '../model.ts';
import type { State } from '../state.ts';
import type { Evaluation } from './evaluation.ts';
import { fits, place, type View } from './placement.ts';
import type { Plan } from './plan.ts';
import { trackerOf } from './reschedule.ts';

/** A plan with its places, chosen on what the scheduler saw: nodes that may have changed since. */
export interface Chosen {
  plan: Plan;
  placed: Allocation[];
  failed: Record<string, AllocMetric>;
}

/** What the scheduler sees while it plans: the state with its own plan carried out. `placed`, by node, grows meanwhile. */
const snapshotOf = (state: State, { stop, away }: Plan, placed: ReadonlyMap<string, Allocation[]>): View => {
  const changed = new Map<string, Allocation>();
  for (const { allocation, lost } of stop) {
    changed.set(allocation.ID, { ...allocation, DesiredStatus: 'stop', ...(lost ? { ClientStatus: 'lost' } : {}) });
  }
  for (const allocation of away) changed.set(allocation.ID, { ...allocation, ClientStatus: 'unknown' });
  return {
    nodes: state.nodes,
    allocationsOn: (nodeId) => {
      const present = state.allocationsOn(nodeId);
      const planned = placed.get(nodeId);
      if (changed.size === 0 && !planned) return present;
      return [...present.map((allocation) => changed.get(allocation.ID) ?? allocation), ...(planned ?? [])];
    },
    allocationsOf: (namespace, jobId) => [
      ...state.allocationsOf(namespace, jobId).map((allocation) => changed.get(allocation.ID) ?? allocation),
      ...[...placed.values()].flat().filter(({ Namespace, JobID }) => Namespace === namespace && JobID === jobId),
    ],
  };
};

export const choose = (state: State, job: Job, evaluation: Evaluation, plan: Plan): Chosen => {
  const chosen: Chosen = { plan, placed: [], failed: Object.create(null) };
  const byNode = new Map<string, Allocation[]>();
  const view = snapshotOf(state, plan, byNode);
  for (const wanted of plan.place) {
    const { node, metric } = place(view, job, wanted.group, wanted.node, wanted.previous);
    const before = chosen.failed[wanted.group.Name];
    if (node) {
      const allocation = allocationOf(state, job, wanted, node, metric, evaluation);
      chosen.placed.push(allocation);
      const there = byNode.get(node.ID);
      if (there) there.push(allocation);
      else byNode.set(node.ID, [allocation]);
    } else if (before) before.CoalescedFailures = Number(before.CoalescedFailures) + 1;
    else chosen.failed[wanted.group.Name] = metric;
  }
  return chosen;
};

/** Its time is that of the plan; its index is of the commit: only the index tells what came later. */
const allocationOf = (
  state: State,
  job: Job,
  { group, name, previous, rescheduled }: Plan['place'][number],
  node: Node,
  Metrics: AllocMetric,
  evaluation: Evaluation,
): Allocation => ({
  ID: state.id(),
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
  RescheduleTracker: trackerOf(previous, rescheduled === true, state.nanos()),
  AllocStates: null,
  TaskStates: null,
  Metrics,
  CreateTime: state.nanos(),
  ModifyTime: state.nanos(),
  CreateIndex: 0,
  AllocModifyIndex: 0,
  ModifyIndex: 0,
});

/**
 * Writes down what was planned, a node that has become ineligible or drains since notwithstanding: nothing checks that
 * again. What would not fit any more, beside what others have placed meanwhile, is refused. Returns what it placed.
 */
export const commit = (state: State, { plan, placed }: Chosen): { placed: Allocation[]; refused: boolean } => {
  if (plan.stop.length + plan.away.length + plan.place.length === 0) return { placed: [], refused: false };
  const index = state.next();
  for (const { allocation, because, lost } of plan.stop) {
    allocation.DesiredStatus = 'stop';
    allocation.DesiredDescription = because;
    if (lost) allocation.ClientStatus = 'lost';
  }
  for (const allocation of plan.away) {
    allocation.ClientStatus = 'unknown';
    allocation.ClientDescription = 'alloc is unknown since its node is disconnected';
    noteClientStatus(allocation, state.timestamp());
  }
  for (const allocation of [...plan.away, ...plan.stop.map((each) => each.allocation)]) {
    allocation.ModifyIndex = index;
    allocation.AllocModifyIndex = index;
    allocation.ModifyTime = state.nanos();
  }
  const accepted = placed.filter((allocation) => {
    const node = state.nodes.get(allocation.NodeID);
    const group = allocation.Job.TaskGroups.find(({ Name }) => Name === allocation.TaskGroup);
    if (!node || !group || !fits(state, group, node).fits) return false;
    Object.assign(allocation, { CreateIndex: index, AllocModifyIndex: index, ModifyIndex: index });
    const previous = state.allocations.get(allocation.PreviousAllocation);
    if (previous) previous.NextAllocation = allocation.ID;
    state.addAllocation(allocation);
    return true;
  });
  state.commit(index, 'allocs');
  return { placed: accepted, refused: accepted.length < placed.length };
};
