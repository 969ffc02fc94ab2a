import { type Allocation, clientTerminal, groupOf, type Job, type Node, type TaskGroup, terminal } from './model.ts';
import { place, schedulable } from './placement.ts';
import type { State } from './state.ts';

const MIGRATING = 'alloc is being migrated';
const LOST = 'alloc is lost since its node is down';
const NOT_NEEDED = 'alloc not needed due to job update';
const TAINTED = 'alloc not needed as node is tainted';

/** What is to be stopped and what is to be placed, to make a job what it should be. */
export interface Plan {
  stop: { allocation: Allocation; because: string; status?: 'lost' | 'unknown' }[];
  place: { group: TaskGroup; name: string; previous: Allocation | undefined; node?: Node }[];
}

export const planFor = (state: State, job: Job): Plan => {
  const plan: Plan = { stop: [], place: [] };
  const allocations = state.allocationsOf(job.Namespace, job.ID);
  for (const allocation of allocations) planStop(state, plan, job, allocation);
  if (job.Stop) return plan;
  const leaving = new Map(plan.stop.map(({ allocation }) => [allocation.ID, allocation]));
  for (const group of job.TaskGroups) {
    const ofGroup = allocations.filter(({ TaskGroup }) => TaskGroup === group.Name);
    if (job.Type === 'system' || job.Type === 'sysbatch') planSystem(state, plan, job, group, ofGroup, leaving);
    else planCount(plan, job, group, ofGroup, leaving);
  }
  return plan;
};

const planStop = (state: State, plan: Plan, job: Job, allocation: Allocation): void => {
  if (clientTerminal(allocation)) return;
  const node = state.nodes.get(allocation.NodeID);
  const stopped = allocation.DesiredStatus === 'stop';
  if (!node || node.Status === 'down') plan.stop.push({ allocation, because: LOST, status: 'lost' });
  else if (stopped) return;
  else if (job.Stop) plan.stop.push({ allocation, because: NOT_NEEDED });
  else if (node.Status === 'disconnected') {
    const window = lostAfterMs(allocation);
    // Since when it is unknown is when it was last modified.
    const expired = state.nanos() >= allocation.ModifyTime + (window ?? 0) * 1e6;
    if (window === undefined || (allocation.ClientStatus === 'unknown' && expired)) {
      plan.stop.push({ allocation, because: LOST, status: 'lost' });
    } else if (allocation.ClientStatus !== 'unknown') plan.stop.push({ allocation, because: '', status: 'unknown' });
  } else if (allocation.DesiredTransition.Migrate) {
    const system = job.Type === 'system' || job.Type === 'sysbatch';
    plan.stop.push({ allocation, because: system ? TAINTED : MIGRATING });
  } else if (node.Status === 'ready' && allocation.ClientStatus !== 'unknown' && superseded(state, allocation)) {
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
  plan: Plan,
  job: Job,
  group: TaskGroup,
  existing: Allocation[],
  leaving: Map<string, Allocation>,
): void => {
  const held = new Set<string>();
  const previous = new Map<string, Allocation>();
  for (const allocation of existing) {
    const goes = leaving.get(allocation.ID);
    if (allocation.DesiredTransition.MigrateDisablePlacement) held.add(allocation.Name);
    else if (goes) previous.set(allocation.Name, allocation);
    else if (allocation.ClientStatus === 'unknown') continue;
    else if (allocation.DesiredStatus === 'run') held.add(allocation.Name);
  }
  for (let i = 0; i < group.Count; i += 1) {
    const name = `${job.ID}.${group.Name}[${i}]`;
    if (!held.has(name)) plan.place.push({ group, name, previous: previous.get(name) });
  }
};

/** How long an allocation survives without its client, in milliseconds; undefined: not at all. */
export const lostAfterMs = (allocation: Allocation): number | undefined => {
  const group = groupOf(allocation);
  const nanoseconds = group.Disconnect?.LostAfter ?? group.MaxClientDisconnect;
  return nanoseconds ? nanoseconds / 1e6 : undefined;
};
