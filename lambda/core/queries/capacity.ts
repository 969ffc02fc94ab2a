import type { Client, Resources } from '../scale-in/candidate.ts';
import { within } from '../short.ts';
import type { CapacityCommand } from './command.ts';
import type { AnswerPorts, Member } from './ports.ts';

/** Which clients there are, and what fits on them. */
export interface CapacityAnswer {
  run: 'capacity';
  total: Capacity;
  /** One for each group and node pool: the groups that the function serves first, then the nodes of none. */
  rows: CapacityRow[];
  nodes: NodeCapacity[];
  /** How many nodes do not fit into the answer; they are counted all the same. */
  nodesLeftOut: number;
  /** Instances of the groups that Nomad has no node of, as far as nodes name their instances. */
  withoutNode: readonly Member[];
}

/** How many nodes are in which state, and what fits on those that are ready. */
export interface Capacity {
  nodes: Record<NodeState, number>;
  /** Of all ready nodes together. */
  free: Resources;
  /** The ready node with the most free memory. Null if none is ready. */
  largest: (Resources & { node: string }) | null;
  /** How many allocations of the size asked for fit, if one was asked for. Ports, devices and constraints are not looked at. */
  fits?: number;
}

export interface CapacityRow extends Capacity {
  /** Null for nodes whose instance is in no group that the function serves. */
  group: string | null;
  /** Null for a group that has no node. */
  nodePool: string | null;
}

/** A client node: `ready` if Nomad may place something on it, `ineligible` if it may not though it is neither drained nor down. */
export type NodeState = 'ready' | 'draining' | 'ineligible' | 'initializing' | 'disconnected' | 'down';

export interface NodeCapacity {
  id: string;
  name: string;
  state: NodeState;
  nodePool: string;
  /** Absent for a node that names no instance of the groups. */
  instanceId?: string;
  group?: string;
  /** Allocations that its client has not ended. */
  allocations: number;
  /** What is left of what it has, whether or not Nomad may place something on it. */
  free: Resources;
}

export async function capacity(command: CapacityCommand, ports: AnswerPorts): Promise<CapacityAnswer> {
  const members = await ports.members();
  const { clients, candidates } = await ports.clients.readVisible(
    members.map(({ instanceId }) => ({ instanceId, pool: '' })),
  );
  const memberOf = new Map(
    candidates.flatMap((candidate, index) => candidate.clients.map(({ id }) => [id, members[index]] as const)),
  );
  const all = clients.map((client) => toNode(client, memberOf.get(client.id)));
  const size = sizeOf(command);
  const { kept, leftOut } = within(all);
  return {
    run: 'capacity',
    total: summary(all, size),
    rows: rows(
      all,
      ports.groups.map(({ name }) => name),
      size,
    ),
    nodes: kept,
    nodesLeftOut: leftOut,
    withoutNode: members.filter((_, index) => candidates[index]?.clients.length === 0),
  };
}

function toNode(client: Client, member: Member | undefined): NodeCapacity {
  const { id, name, nodePool, free, runs } = client;
  return {
    id,
    name,
    state: stateOf(client),
    nodePool,
    ...(member && { instanceId: member.instanceId, group: member.group }),
    allocations: runs.length,
    free,
  };
}

function stateOf({ status, draining, eligible }: Client): NodeState {
  if (status !== 'ready') return status as NodeState;
  if (draining) return 'draining';
  return eligible ? 'ready' : 'ineligible';
}

function rows(all: readonly NodeCapacity[], groups: readonly string[], size: Resources | undefined): CapacityRow[] {
  return [...groups, null].flatMap((group): CapacityRow[] => {
    const ofGroup = all.filter((node) => (node.group ?? null) === group);
    if (ofGroup.length === 0) return group === null ? [] : [{ group, nodePool: null, ...summary([], size) }];
    return [...Map.groupBy(ofGroup, ({ nodePool }) => nodePool)]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([nodePool, nodes]) => ({ group, nodePool, ...summary(nodes, size) }));
  });
}

function summary(nodes: readonly NodeCapacity[], size: Resources | undefined): Capacity {
  const counts = { ready: 0, draining: 0, ineligible: 0, initializing: 0, disconnected: 0, down: 0 };
  for (const { state } of nodes) counts[state] += 1;
  const ready = nodes.filter(({ state }) => state === 'ready');
  const sum = (of: keyof Resources) => ready.reduce((total, { free }) => total + free[of], 0);
  const largest = ready.toSorted(
    ({ free: one }, { free: other }) => other.memoryMb - one.memoryMb || other.cpu - one.cpu,
  )[0];
  return {
    nodes: counts,
    free: { cpu: sum('cpu'), memoryMb: sum('memoryMb') },
    largest: largest ? { ...largest.free, node: largest.id } : null,
    ...(size && { fits: ready.reduce((count, { free }) => count + timesIn(free, size), 0) }),
  };
}

/** What an allocation takes of which it is asked how many fit. */
const sizeOf = ({ cpu = 0, memoryMb = 0 }: CapacityCommand): Resources | undefined =>
  cpu > 0 || memoryMb > 0 ? { cpu, memoryMb } : undefined;

const timesIn = (free: Resources, size: Resources): number => {
  const times = (of: keyof Resources) => (size[of] > 0 ? Math.floor(free[of] / size[of]) : Number.POSITIVE_INFINITY);
  return Math.max(0, Math.min(times('cpu'), times('memoryMb')));
};
