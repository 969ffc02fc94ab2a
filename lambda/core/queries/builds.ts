import { type Client, isBuild } from '../scale-in/candidate.ts';
import type { EndedBuild } from '../scale-in/durations.ts';

/**
 * The builds of the node pools of these instances, ended or not: other pools may build something else. A node that Nomad has
 * forgotten may have been of any pool.
 */
export function buildsHere(
  instances: readonly { clients: readonly Client[] }[],
  clients: readonly Client[],
  { builds: ended, all }: { builds: readonly EndedBuild[]; all: boolean },
  now: number,
): EndedBuild[] {
  const pools = new Set(instances.flatMap((each) => each.clients).map(({ nodePool }) => nodePool));
  const elsewhere = new Set(
    clients.filter(({ nodePool }) => pools.size > 0 && !pools.has(nodePool)).map(({ id }) => id),
  );
  const running = clients.flatMap(({ id, runs }) =>
    runs.filter(isBuild).map(({ job, namespace, createdAt }): EndedBuild => {
      return { job, namespace, createdAt, nodeId: id, ms: Math.max(0, now - createdAt), ended: false };
    }),
  );
  return inView(ended, running, all).filter(({ nodeId }) => !elsewhere.has(nodeId));
}

/**
 * Each with the age at which it came into view. Nomad forgets what has ended: of those that began before the first end that it still knows,
 * only the long ones are there. Of those that began before all that were read, only those that still run are.
 */
function inView(ended: readonly EndedBuild[], running: readonly EndedBuild[], all: boolean): EndedBuild[] {
  const begins = ended.map(({ createdAt }) => createdAt);
  const firstRead = all ? Number.NEGATIVE_INFINITY : begins.reduce((one, other) => Math.min(one, other));
  const firstEnd = ended.reduce(
    (first, { createdAt, ms }) => Math.min(first, createdAt + ms),
    Number.POSITIVE_INFINITY,
  );
  const began = begins
    .filter((at) => at <= firstEnd)
    .reduce((one, other) => Math.max(one, other), Number.NEGATIVE_INFINITY);
  return [...ended, ...running.filter(({ createdAt }) => createdAt >= firstRead)].map((build) => ({
    ...build,
    from: Math.max(0, began - build.createdAt),
  }));
}
