import pMap from 'p-map';
import type { EpochMs } from '../../core/model/clock.ts';
import type { Termination } from '../../core/model/termination.ts';
import type { MissingClient } from '../../core/ports.ts';
import type { NodeOfInstance } from '../../core/queries/ports.ts';
import { findNodes } from '../nodes/find-nodes.ts';
import type { NomadReads } from '../read-only.ts';
import type { WhoIsWho } from './nodes-by-instance.ts';

/** An instance may take so long to boot and register its node, in milliseconds. */
const JOINING_MS = 600_000;
/** Instances that no node names are looked for one by one: at most so many. */
const MOST_LOOKED_FOR = 20;
/** Instances looked for at once. */
const CONCURRENCY = 4;

/** What EC2 says of an instance. */
type Facts = Pick<Termination, 'ec2' | 'addresses' | 'names' | 'launchedAt'>;

interface MissingClientsOptions {
  nomad: NomadReads;
  whoIsWho: WhoIsWho;
  nodeMetaKey: string | undefined;
  describe: (instanceIds: readonly string[]) => Promise<ReadonlyMap<string, Facts>>;
  now: EpochMs;
}

/**
 * Of these instances, those that Nomad has no live node of, though they have run for ten minutes. What is not known, by EC2 or by Nomad, is
 * not missing. @throws Error if Nomad does not answer
 */
export async function missingClients(
  { nomad, whoIsWho, nodeMetaKey, describe, now }: MissingClientsOptions,
  inService: readonly { instanceId: string; group: string }[],
): Promise<MissingClient[]> {
  if (inService.length === 0) return [];
  const alive = new Set(await nomad.nodeIds('Status != "down"'));
  const ids = inService.map(({ instanceId }) => instanceId);
  const instanceOf = await whoIsWho.of([...alive], ids, nomad, now);
  const named = new Set([...instanceOf].filter(([nodeId]) => alive.has(nodeId)).map(([, instanceId]) => instanceId));
  const unnamed = inService.filter(({ instanceId }) => !named.has(instanceId)).slice(0, MOST_LOOKED_FOR);
  if (unnamed.length === 0) return [];
  const facts = await describe(unnamed.map(({ instanceId }) => instanceId));
  const looked = await pMap(
    unnamed,
    async (each) => ({
      ...each,
      ...(await nodeOfInstance(nomad, each.instanceId, facts.get(each.instanceId), nodeMetaKey)),
    }),
    { concurrency: CONCURRENCY },
  );
  return looked.flatMap(({ instanceId, group, is, launchedAt = now }) =>
    is === 'absent' && now - launchedAt >= JOINING_MS && facts.get(instanceId)?.ec2 === 'running'
      ? [{ instanceId, group, launchedAt }]
      : [],
  );
}

/** Which node an instance is that no node names. */
export async function nodeOfInstance(
  nomad: NomadReads,
  instanceId: string,
  { addresses, names, launchedAt }: Partial<Facts> = {},
  nodeMetaKey: string | undefined,
): Promise<NodeOfInstance> {
  const launched = launchedAt === undefined ? {} : { launchedAt };
  const known = { instanceId, ...(addresses && { addresses }), ...(names && { names }), ...launched };
  const found = await findNodes(nomad, known, nodeMetaKey);
  if ('unknown' in found) return { instanceId, is: 'unknown', ...launched };
  if ('mayBe' in found) return { instanceId, is: 'ambiguous', ...launched };
  const isUp = found.nodes.some(({ Status }) => Status !== 'down');
  return { instanceId, is: isUp ? 'by address' : 'absent', ...launched };
}
