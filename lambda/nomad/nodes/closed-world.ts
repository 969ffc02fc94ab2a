import type { EpochMs } from '../../core/model/clock.ts';
import type { NodeStub } from '../json/node.ts';
import type { NomadReads } from '../read-only.ts';
import { namingNone, quoted, recordedInstance } from './identity.ts';

/** Of at most this many nodes that name no instance the attributes are read: beyond that, none is known to be another instance. */
const MOST_READ = 20;

/**
 * How long Nomad may call a client `ready` that is away, in milliseconds: the time that a new leader gives every client
 * (`FailoverHeartbeatTTL`, 300 s, nomad/config.go), with the usual grace of 10 s. Without a new leader it is 20 to 30 s.
 */
const SEEMS_READY_MS = 310_000;

export interface ClosedWorldOptions {
  nodeMetaKey: string | undefined;
  /** Where clients are that are no EC2 instances. */
  outsideEc2: { datacenters?: readonly string[] | undefined; nodePools?: readonly string[] | undefined } | undefined;
  /** The instances that EC2 says have these addresses, by address. @throws Error if EC2 does not say */
  instancesAt: (addresses: readonly string[]) => Promise<ReadonlyMap<string, string>>;
}

/**
 * The nodes that may be an instance which no node names, and none of whose addresses a node has: all that are not known to be another
 * instance. Of those that are down only those of which Nomad keeps allocations (`unknown`), for their clients may run them, and those that
 * it has lost just now: their agents may come back in this moment, and take new work.
 *
 * @param since the index at which the last node of the instance registered: a later identity of its agent is younger
 * @throws Error if Nomad or EC2 does not answer
 */
export async function mayBeIt(
  nomad: NomadReads,
  options: ClosedWorldOptions,
  instanceId: string,
  { since = 0, now }: { since?: number; now: EpochMs },
): Promise<NodeStub[]> {
  const { nodes } = await nomad.nodes(namingNone(options.nodeMetaKey));
  const down = nodes.filter(({ Status }) => Status === 'down');
  const keeping = new Set(down.length > 0 ? await nodesWithUnknown(nomad) : []);
  const others = nodes.filter((node) => !down.includes(node) || keeping.has(node.ID));
  const found = await nobodys(nomad, options, { instanceId, nodes: others, since });
  if (found.length > 0) return found;
  // Nomad lists dead nodes for a day: those that went down last are among those that changed last.
  const last = down.toSorted((one, other) => other.ModifyIndex - one.ModifyIndex).slice(0, MOST_READ);
  const lost = await nobodys(nomad, options, { instanceId, nodes: last, since });
  return changedLately(nomad, lost, now);
}

/** Those whose status has changed within the time that Nomad may take to miss an agent. */
async function changedLately(nomad: NomadReads, stubs: readonly NodeStub[], now: EpochMs): Promise<NodeStub[]> {
  const found: NodeStub[] = [];
  for (const stub of stubs) {
    const node = await nomad.node(stub.ID);
    if (node && now - (node.StatusUpdatedAt * 1000 - (nomad.skewMs ?? 0)) < SEEMS_READY_MS) found.push(stub);
  }
  return found;
}

const nodesWithUnknown = (nomad: NomadReads): Promise<string[]> =>
  nomad.listAllocations('ClientStatus == "unknown"', { resources: 'false' }, ({ NodeID }) => NodeID);

/**
 * The nodes that may be the agent of these nodes under a later identity, while Nomad does not yet miss it under the earlier one: they have
 * its name, are not known to be another instance, and have registered within the time that Nomad may take.
 *
 * @throws Error if Nomad or EC2 does not answer
 */
export async function laterIdentities(
  nomad: NomadReads,
  options: ClosedWorldOptions,
  instanceId: string,
  { earlier, now }: { earlier: readonly NodeStub[]; now: EpochMs },
): Promise<NodeStub[]> {
  const since = Math.max(...earlier.map(({ CreateIndex }) => CreateIndex));
  const names = [...new Set(earlier.map(({ Name }) => Name))].map((name) => `Name == ${quoted(name)}`);
  const { nodes } = await nomad.nodes(`(${names.join(' or ')}) and ${namingNone(options.nodeMetaKey)}`);
  return changedLately(nomad, await nobodys(nomad, options, { instanceId, nodes, since }), now);
}

/**
 * Of nodes that name no instance, those that are not known to be another: drained for another, with the address of another, or not in EC2.
 * The instance's own addresses may not have been known when its nodes were looked for.
 */
async function nobodys(
  nomad: NomadReads,
  { outsideEc2, instancesAt }: ClosedWorldOptions,
  { instanceId, nodes, since }: { instanceId: string; nodes: readonly NodeStub[]; since: number },
): Promise<NodeStub[]> {
  const ofAnother = async (addresses: readonly string[]) => {
    const owners = await instancesAt(addresses);
    return (address: string) => (owners.get(address) ?? instanceId) !== instanceId;
  };
  const left = nodes.filter(
    (node) =>
      node.CreateIndex > since &&
      recordedInstance(node) === undefined &&
      !outsideEc2?.datacenters?.includes(node.Datacenter) &&
      !outsideEc2?.nodePools?.includes(node.NodePool),
  );
  if (left.length === 0) return [];
  const isAnothers = await ofAnother(left.map(({ Address }) => Address));
  const unknown = left.filter(({ Address }) => !isAnothers(Address));
  if (unknown.length === 0 || unknown.length > MOST_READ) return unknown;

  // A client may advertise an address that EC2 does not know, and have another.
  const addresses = new Map<string, string | undefined>();
  for (const { ID } of unknown) {
    addresses.set(ID, (await nomad.node(ID))?.Attributes?.['unique.network.ip-address']);
  }
  const isElsewhere = await ofAnother([...addresses.values()].flatMap((address) => address ?? []));
  return unknown.filter(({ ID }) => !isElsewhere(addresses.get(ID) ?? ''));
}
