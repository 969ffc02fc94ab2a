import { isIPv6 } from 'node:net';
import pMap from 'p-map';
import { chunks } from '../../core/basics.ts';
import type { Clock } from '../../core/model/clock.ts';
import type { Observation } from '../../core/model/observation.ts';
import type { Termination } from '../../core/model/termination.ts';
import type { NodeJson, NodeStub } from '../json/node.ts';
import type { NomadReads } from '../read-only.ts';
import { literal, namedBy, naming, namingNone, quoted, recordedInstance } from './identity.ts';

/** The nodes that are the instance; or several of which one may be it; or why that is unknown. */
type FoundNodes = { nodes: NodeStub[] } | { mayBe: NodeStub[] } | { unknown: string };

/** What is known of the instance. */
type Known = Pick<Termination, 'instanceId' | 'addresses' | 'names' | 'launchedAt'>;

interface FindOptions {
  /** The nodes that name the instance, if they have just been asked for. */
  named?: readonly NodeStub[] | undefined;
  /** Look for more where a live node is found: a node is `ready` for some seconds after its agent has come back as another. */
  everyWay?: boolean;
  /** Every node names an instance: no address and no record leads to another. */
  allNamed?: boolean;
}

/** Addresses and names in one question: an instance may have hundreds, and a command through SSM takes 4,000 characters. */
const TERMS = 16;
/** Beyond this time no further question is asked for several, in milliseconds: a slow Nomad answers more one by one. */
const TOGETHER_MS = 2_000;
/** Nodes read at once: as many as there are connections to Nomad. */
const CONCURRENCY = 8;

/**
 * All nodes that are this instance, by the strongest that says so: those that name it; if none of them is alive, those that were drained
 * for it; if none of them is either, the node that has an address or a name of the instance.
 *
 * @param nodeMetaKey a key of the node's own Meta that holds the instance id
 */
export async function findNodes(
  nomad: NomadReads,
  instance: Known,
  nodeMetaKey: string | undefined,
  { named, everyWay = false, allNamed = false }: FindOptions = {},
): Promise<FoundNodes> {
  const { instanceId, addresses, names } = instance;
  const nodes = [...(named ?? (await nodesNaming(nomad, [instanceId], nodeMetaKey)))];
  if (allNamed || (nodes.some(isLive) && !everyWay)) return { nodes };
  // Its agent may have come back without its fingerprint.
  const { nodes: unnamed } = await nomad.nodes(`SchedulingEligibility == "ineligible" and ${namingNone(undefined)}`);
  const recorded = unnamed.filter((node) => recordedInstance(node) === instanceId);
  nodes.push(...recorded.filter(({ ID }) => !nodes.some((node) => node.ID === ID)));
  if (nodes.some(isLive) && !(everyWay && addresses && names)) return { nodes };
  // What was not asked is no answer: the agent may live on under another identity.
  if (!addresses || !names) {
    return { unknown: 'no live node names this instance, and EC2 does not report its addresses' };
  }
  const found = await byAddress(nomad, { ...instance, addresses, names }, nodeMetaKey, nodes);
  return 'mayBe' in found ? found : { nodes: [...nodes, ...found.nodes] };
}

/** What it is to the decision that no node was found for certain. */
export const notFound = (found: Exclude<FoundNodes, { nodes: NodeStub[] }>): Observation =>
  'unknown' in found
    ? { is: 'unanswered', because: found.unknown }
    : { is: 'ambiguous', nodeIds: found.mayBe.map(({ ID }) => ID) };

/** A node of a list that Nomad says it does not have: neither of the two is believed. */
export const contradiction = ({ Name, ID }: NodeStub): Error =>
  new Error(`Nomad lists node ${Name} (${ID}), but has no node of that id`);

export const isLive = ({ Status }: NodeStub): boolean => Status !== 'down';

/** The nodes that name one of these instances themselves. */
export async function nodesNaming(
  nomad: Pick<NomadReads, 'nodes'>,
  instanceIds: readonly string[],
  nodeMetaKey: string | undefined,
): Promise<NodeStub[]> {
  const found: NodeStub[] = [];
  for (const some of chunks(instanceIds, TERMS)) found.push(...(await nomad.nodes(naming(some, nodeMetaKey))).nodes);
  return found;
}

/**
 * The nodes that name each of these instances themselves. For a list Nomad looks at every node that it has, and a list does not say which
 * node names whom: so one asks for several instances, and each node is read. Never throws.
 *
 * @returns no entry for an instance whose nodes were not told: it is to be asked about by itself
 */
export async function nodesOfEach(
  nomad: NomadReads,
  instanceIds: readonly string[],
  { nodeMetaKey, clock }: { nodeMetaKey: string | undefined; clock: Clock },
): Promise<Map<string, NodeJson[]>> {
  const found = new Map<string, NodeJson[]>();
  const until = clock.now() + TOGETHER_MS;
  for (const some of chunks(instanceIds, TERMS)) {
    if (clock.now() > until) break;
    const nodes = await readNaming(nomad, some, nodeMetaKey).catch(() => undefined);
    const named = nodes && Map.groupBy(nodes, (node) => namedBy(node, nodeMetaKey));
    if (named) for (const id of some) found.set(id, named.get(id) ?? []);
  }
  return found;
}

/** @throws Error if Nomad does not tell, or a node names another instance by now */
async function readNaming(
  nomad: NomadReads,
  instanceIds: readonly string[],
  nodeMetaKey: string | undefined,
): Promise<NodeJson[]> {
  const { nodes } = await nomad.nodes(naming(instanceIds, nodeMetaKey));
  const read = async (stub: NodeStub): Promise<NodeJson> => {
    const node = await nomad.node(stub.ID);
    if (!node || !instanceIds.includes(namedBy(node, nodeMetaKey) ?? '')) throw contradiction(stub);
    return node;
  };
  return pMap(nodes, read, { concurrency: CONCURRENCY });
}

/**
 * Addresses are reused. So a node that names another instance, or was drained for another, is not this one, and a node that is down is
 * this one only if the node's status last changed after the instance was launched.
 */
async function byAddress(
  nomad: NomadReads,
  instance: Required<Pick<Known, 'instanceId' | 'addresses' | 'names'>> & Known,
  nodeMetaKey: string | undefined,
  known: readonly NodeStub[],
): Promise<{ nodes: NodeStub[] } | { mayBe: NodeStub[] }> {
  const { instanceId, addresses, names } = instance;
  const attributes = ['unique.network.ip-address', 'unique.hostname'].map((name) => `Attributes["${name}"]`);
  const alike = [
    ...addresses.map((address) => `${attributes[0]} == ${quoted(address)}`),
    ...addresses.map((address) => `HTTPAddr matches ${quoted(`^${host(address)}:[0-9]+$`)}`),
    ...[...names, instanceId].flatMap((name) => [`Name == ${quoted(name)}`, `${attributes[1]} == ${quoted(name)}`]),
  ];
  const found = new Map<string, NodeStub>();
  for (const terms of chunks(alike, TERMS)) {
    const { nodes } = await nomad.nodes(`(${terms.join(' or ')}) and ${namingNone(nodeMetaKey)}`);
    for (const node of nodes) if ((recordedInstance(node) ?? instanceId) === instanceId) found.set(node.ID, node);
  }
  const nodes = [...found.values()].filter(({ ID }) => !known.some((node) => node.ID === ID));
  const alive = nodes.filter(isLive);
  if (alive.length > 1) return { mayBe: alive };
  return { nodes: [...alive, ...(await earlierOnes(nomad, nodes, instance))] };
}

/** Of the nodes that are down: those that were this instance, before its agent came back under a new id or went away. */
async function earlierOnes(
  nomad: NomadReads,
  nodes: readonly NodeStub[],
  { instanceId, launchedAt = Number.POSITIVE_INFINITY }: Known,
): Promise<NodeStub[]> {
  const down: NodeStub[] = [];
  for (const stub of nodes.filter((node) => !isLive(node))) {
    if (recordedInstance(stub) === instanceId) {
      down.push(stub);
      continue;
    }
    const node = await nomad.node(stub.ID);
    if (node && node.StatusUpdatedAt * 1000 - (nomad.skewMs ?? 0) > launchedAt) down.push(node);
  }
  return down;
}

/** An address as a pattern: an IPv6 one stands in brackets before its port. */
const host = (address: string): string => literal(isIPv6(address) ? `[${address}]` : address);
