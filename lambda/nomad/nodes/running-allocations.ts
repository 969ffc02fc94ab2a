import pMap from 'p-map';
import { chunks } from '../../core/basics.ts';
import type { Allocation } from '../../core/model/allocation.ts';
import type { NomadApi } from '../api.ts';
import { type AllocationInList, toListedAllocation } from '../json/allocation.ts';

/** Those that their clients have not ended. `unknown` may come back with its client. */
export const ALIVE = '(ClientStatus == "running" or ClientStatus == "pending" or ClientStatus == "unknown")';
/** Nodes in one question: by the first eight digits of their ids they fit a command through SSM, of 4,000 characters. */
const NODES = 100;
const DIGITS = 8;
/** Questions at once. */
const CONCURRENCY = 4;

/**
 * What their clients have not ended on many nodes: one question for a hundred of them, without the jobs. It says what a drain
 * waits for. It does not say which ended allocation has a task to run yet: no instance is released because of it.
 *
 * @returns the allocations of each node, an empty list for one that has none
 */
export async function whatRuns(nomad: NomadApi, nodeIds: readonly string[]): Promise<Map<string, Allocation[]>> {
  const found = new Map(nodeIds.map((id): [string, Allocation[]] => [id, []]));
  const read = async (ids: readonly string[]) => {
    const filter = `${ALIVE} and NodeID matches "^(${ids.map((id) => id.slice(0, DIGITS)).join('|')})"`;
    const note = (json: AllocationInList) => void found.get(json.NodeID)?.push(toListedAllocation(json));
    await nomad.listAllocations(filter, { resources: 'false' }, note);
  };
  await pMap(chunks(nodeIds, NODES), read, { concurrency: CONCURRENCY });
  return found;
}

/**
 * Whether these may all be stopped last: a list does not say which service is a CSI plugin, and Nomad asks no plugin to go while
 * anything else is left.
 */
export function mayAllStopLast(allocations: readonly Allocation[]): boolean {
  const may = ({ jobType, stopsLast, migrating }: Allocation) => stopsLast || (jobType === 'service' && !migrating);
  return allocations.some(({ stopsLast }) => !stopsLast) && allocations.every(may);
}
