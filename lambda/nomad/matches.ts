import { isIPv6 } from 'node:net';
import type { Termination } from '../core/termination.ts';
import { type NodeStub, toRecord } from './json.ts';
import type { NomadReads } from './read-only.ts';

/** The nodes that are the instance; or several of which one may be it; or why that is unknown. */
export type Found = { nodes: NodeStub[] } | { mayBe: NodeStub[] } | { unknown: string };

/** What is known of the instance. */
type Known = Pick<Termination, 'instanceId' | 'addresses' | 'names' | 'launchedAt'>;

/** Addresses and names in one question: an instance may have hundreds, and a command through SSM takes 4,000 characters. */
const TERMS = 16;
/** The attribute of a client that runs on EC2. */
export const INSTANCE_ID = 'unique.platform.aws.instance-id';

/**
 * All nodes that name this instance: its agent may have come back under a new id. If none does, the node that has an address or
 * a name of the instance, for clients whose EC2 fingerprint failed.
 *
 * @param nodeMetaKey a key of the node's own Meta that holds the instance id; addresses are not used then
 * @param named the nodes that name it, if they have just been asked for
 */
export async function matches(
  nomad: NomadReads,
  termination: Known,
  nodeMetaKey: string | undefined,
  named?: readonly NodeStub[],
): Promise<Found> {
  const { instanceId, addresses, names } = termination;
  const nodes = [...(named ?? (await nodesNaming(nomad, [instanceId], nodeMetaKey)))];
  // A node that is down may have come back without its fingerprint.
  if (nodes.some(({ Status }) => Status !== 'down') || nodeMetaKey) return { nodes };
  if (!addresses || !names) {
    if (nodes.length > 0) return { nodes };
    return { unknown: 'no node names this instance, and EC2 does not say at which addresses to look' };
  }
  const found = await byAddress(nomad, termination, addresses, names);
  return 'nodes' in found ? { nodes: [...nodes, ...found.nodes] } : found;
}

/** The nodes that name one of these instances themselves. */
export async function nodesNaming(
  nomad: Pick<NomadReads, 'nodes'>,
  instanceIds: readonly string[],
  nodeMetaKey: string | undefined,
): Promise<NodeStub[]> {
  const terms = instanceIds.flatMap((id) => [
    `Attributes["${INSTANCE_ID}"] == "${id}"`,
    ...(nodeMetaKey ? [`Meta["${nodeMetaKey}"] == "${id}"`] : []),
  ]);
  const found: NodeStub[] = [];
  for (let start = 0; start < terms.length; start += TERMS) {
    found.push(...(await nomad.nodes(terms.slice(start, start + TERMS).join(' or '))).nodes);
  }
  return found;
}

/**
 * Addresses are reused. So a node that names another instance is not this one, and a node that is down is this one only if our
 * drain names the instance, or if the node's status last changed after the instance was launched.
 */
async function byAddress(
  nomad: NomadReads,
  termination: Known,
  addresses: readonly string[],
  names: readonly string[],
): Promise<Found> {
  const attributes = ['unique.network.ip-address', 'unique.hostname'].map((name) => `Attributes["${name}"]`);
  const alike = [
    ...addresses.map((address) => `${attributes[0]} == "${address}"`),
    ...addresses.map((address) => `HTTPAddr matches "^${host(address)}:[0-9]+$"`),
    ...[...names, termination.instanceId].flatMap((name) => [`Name == "${name}"`, `${attributes[1]} == "${name}"`]),
  ];
  const found = new Map<string, NodeStub>();
  for (let start = 0; start < alike.length; start += TERMS) {
    const terms = alike.slice(start, start + TERMS).join(' or ');
    const { nodes } = await nomad.nodes(`(${terms}) and "${INSTANCE_ID}" not in Attributes`);
    for (const node of nodes) found.set(node.ID, node);
  }
  const nodes = [...found.values()];
  const alive = nodes.filter(({ Status }) => Status !== 'down');
  if (alive.length > 1) return { mayBe: alive };
  return { nodes: [...alive, ...(await earlierOnes(nomad, nodes, termination))] };
}

/** Of the nodes that are down: those that were this instance, before its agent came back under a new id or went away. */
async function earlierOnes(
  nomad: NomadReads,
  nodes: readonly NodeStub[],
  { instanceId, launchedAt = Number.POSITIVE_INFINITY }: Known,
): Promise<NodeStub[]> {
  const down: NodeStub[] = [];
  for (const { ID } of nodes.filter(({ Status }) => Status === 'down')) {
    const node = await nomad.node(ID);
    const ours = toRecord(node?.LastDrain?.Meta ?? null)?.instanceId === instanceId;
    if (node && (ours || node.StatusUpdatedAt * 1000 > launchedAt)) down.push(node);
  }
  return down;
}

/** An address as a pattern: an IPv6 one stands in brackets before its port. */
const host = (address: string): string => (isIPv6(address) ? `.${address}.` : address.replaceAll('.', '[.]'));
