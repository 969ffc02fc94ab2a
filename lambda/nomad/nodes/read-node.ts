import pMap from 'p-map';
import type { Allocation } from '../../core/model/allocation.ts';
import type { Clock } from '../../core/model/clock.ts';
import { holds, type NomadNode } from '../../core/model/node.ts';
import type { Policy } from '../../core/model/policy.ts';
import type { NomadApi } from '../api.ts';
import { type AllocationJson, isCopying, toAllocation } from '../json/allocation.ts';
import type { Reader } from '../json/node.ts';
import { type SeenAllocations, stopMsOf } from './seen-allocations.ts';

/** Replacements of one node looked up at once. */
const CONCURRENCY = 8;

export interface ReadNodeOptions {
  clock: Clock;
  /** Whose records are ours. */
  deployment: string;
  /** What this environment has seen alive. */
  seenAllocations: SeenAllocations;
}

export const readerOf = (nomad: NomadApi, { deployment }: { deployment: string }): Reader => ({
  skewMs: nomad.skewMs,
  deployment,
});

/** Every allocation that Nomad has of a node, and those that it has forgotten while they ran. */
export async function allocationsOf(
  nomad: NomadApi,
  node: NomadNode,
  policy: Policy,
  { clock, seenAllocations }: ReadNodeOptions,
): Promise<Required<Pick<NomadNode, 'allocations' | 'readAt'>> & Pick<NomadNode, 'forgotten'>> {
  const readAt = clock.now();
  const read = await nomad.allocations(node.id, (json: AllocationJson) => {
    const allocation = toAllocation(json, nomad.skewMs, policy);
    return { allocation, stopMs: holds(allocation, node, policy) ? stopMsOf(json) : undefined };
  });
  const seen = read.map(({ allocation: { id, endsBy }, stopMs }) => ({
    id,
    stopMs,
    ...(endsBy !== undefined && { endsBy }),
  }));
  const forgotten = seenAllocations.note(node.id, seen, clock.now(), policy.killMarginSeconds * 1000);
  return { allocations: read.map(({ allocation }) => allocation), readAt, ...(forgotten && { forgotten }) };
}

/** Replacements that copy the data of the allocations before them (recording drain-migrate-disk). */
export async function copying(nomad: NomadApi, allocations: readonly Allocation[]): Promise<Allocation[]> {
  const replacementIds = allocations.flatMap(({ diskGoesTo }) => diskGoesTo ?? []);
  const replacements = await pMap(replacementIds, (id) => nomad.allocation(id), { concurrency: CONCURRENCY });
  return replacements.flatMap((each) => (each && isCopying(each) ? [toAllocation(each, nomad.skewMs)] : []));
}
