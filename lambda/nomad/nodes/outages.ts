import type { TaskGroup } from '../../core/model/allocation.ts';
import type { NomadNode } from '../../core/model/node.ts';
import { type Placed, runNowhere } from '../../core/model/outage.ts';
import type { NomadApi } from '../api.ts';

/** Services of one node that are looked up to see whether they run elsewhere. */
const MOST_JOBS = 8;

/** The services that drains of these nodes have stopped, and that run nowhere now. Never throws: what cannot be read is left out. */
export async function servicesNowhere(nomad: NomadApi, nodes: readonly NomadNode[]): Promise<TaskGroup[]> {
  const onNodes = nodes.flatMap(({ allocations = [] }) => allocations);
  const jobs = new Map(runNowhere(onNodes, []).map((each) => [`${each.namespace}/${each.job}`, each]));
  const placed: Placed[] = [];
  const read = new Set<string>();
  for (const [key, { job, namespace }] of [...jobs].slice(0, MOST_JOBS)) {
    const stubs = await nomad.jobAllocations(job, namespace).catch(() => undefined);
    if (stubs) read.add(key);
    for (const { TaskGroup: taskGroup, ClientStatus: clientStatus, DesiredStatus: desiredStatus } of stubs ?? []) {
      placed.push({ job, namespace, taskGroup, clientStatus, desiredStatus });
    }
  }
  return runNowhere(onNodes, placed).filter(({ job, namespace }) => read.has(`${namespace}/${job}`));
}
