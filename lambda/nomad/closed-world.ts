import { namingNone, recordedInstance } from './identity.ts';
import type { NodeStub } from './json.ts';
import type { NomadReads } from './read-only.ts';

/** Of so many nodes that seem to be nobody's the attributes are read: of more, none is known to be somebody else. */
const MOST_READ = 20;

export interface ClosedWorldOptions {
  nodeMetaKey: string | undefined;
  /** Where clients are that are no EC2 instances. */
  outsideEc2: { datacenters?: readonly string[] | undefined; nodePools?: readonly string[] | undefined } | undefined;
  /** Those of these addresses that EC2 says are an instance's. @throws Error if EC2 does not say */
  addressesOfInstances: (addresses: readonly string[]) => Promise<ReadonlySet<string>>;
}

/**
 * The live nodes that may be an instance which no node names, and none of whose addresses a node has: all that are not known to
 * be somebody else. Somebody else is who names another instance, was drained for another, has the address of another, or
 * is not EC2's by the settings.
 *
 * @param since the index at which the last node of the instance registered: a later identity of its agent is younger
 * @throws Error if Nomad or EC2 does not answer
 */
export async function mayBeIt(nomad: NomadReads, options: ClosedWorldOptions, since = 0): Promise<NodeStub[]> {
  const { nodeMetaKey, outsideEc2, addressesOfInstances } = options;
  const { nodes } = await nomad.nodes(`Status != "down" and ${namingNone(nodeMetaKey)}`);
  const left = nodes.filter(
    (node) =>
      node.CreateIndex > since &&
      recordedInstance(node) === undefined &&
      !outsideEc2?.datacenters?.includes(node.Datacenter) &&
      !outsideEc2?.nodePools?.includes(node.NodePool),
  );
  if (left.length === 0) return [];
  const others = await addressesOfInstances(left.map(({ Address }) => Address));
  const unknown = left.filter(({ Address }) => !others.has(Address));
  if (unknown.length === 0 || unknown.length > MOST_READ) return unknown;

  // A client may advertise an address that EC2 does not know, and have another.
  const addresses = new Map<string, string | undefined>();
  for (const { ID } of unknown) {
    addresses.set(ID, (await nomad.node(ID))?.Attributes?.['unique.network.ip-address']);
  }
  const found = await addressesOfInstances([...addresses.values()].flatMap((address) => address ?? []));
  return unknown.filter(({ ID }) => !found.has(addresses.get(ID) ?? ''));
}
