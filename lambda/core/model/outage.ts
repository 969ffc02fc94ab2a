import { type Allocation, groupKey, isClientTerminal, type TaskGroup } from './allocation.ts';

/** An allocation of a job, wherever it is. */
export type Placed = TaskGroup & Pick<Allocation, 'clientStatus' | 'desiredStatus'>;

/**
 * The services that run nowhere now because a drain has stopped them: nothing of their task group is left, and no replacement is placed.
 * @param onNode the allocations of the node that drains
 * @param ofJobs the allocations of their jobs, on any node
 */
export function runNowhere(onNode: readonly Allocation[], ofJobs: readonly Placed[]): TaskGroup[] {
  const alive = ofJobs.filter((each) => each.desiredStatus === 'run' && !isClientTerminal(each.clientStatus));
  const placed = new Set(alive.map(groupKey));
  const stopped = onNode.filter(
    (each) => each.jobType === 'service' && each.migrating && each.desiredStatus === 'stop',
  );
  const groups = new Map(
    stopped.map(({ job, namespace, taskGroup }) => [
      groupKey({ job, namespace, taskGroup }),
      { job, namespace, taskGroup },
    ]),
  );
  return [...groups].filter(([key]) => !placed.has(key)).map(([, group]) => group);
}
