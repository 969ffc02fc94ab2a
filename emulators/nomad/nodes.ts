import type { LastDrain, Node } from './model.ts';
import type { State } from './state.ts';
import { buildOf } from './version.ts';

export interface NodeSpec {
  /** Fingerprinted as `unique.platform.aws.instance-id`; absent on a machine outside EC2. */
  instanceId?: string;
  name?: string;
  address?: string;
  pool?: string;
  nodeClass?: string;
  datacenter?: string;
  meta?: Record<string, string>;
  attributes?: Record<string, string>;
  cpu?: number;
  memoryMb?: number;
  /** It has registered, and not sent a heartbeat yet. */
  initializing?: boolean;
  /** `client { default_ineligible = true }`, since 2.0.3: it holds for the first registration alone. */
  defaultIneligible?: boolean;
  /** Drivers beside raw_exec, by name: why one is unhealthy; undefined for one that is healthy. */
  drivers?: Record<string, string | undefined>;
  /** Names of static host volumes, which may be written. */
  hostVolumes?: string[];
  /** Names of dynamic ones, since 1.10. */
  dynamicVolumes?: string[];
}

export const registerNode = (state: State, spec: NodeSpec, id = state.id()): Node => {
  const index = state.next();
  const name = spec.name ?? `client-${state.nodes.size + 1}`;
  const address = spec.address ?? '127.0.0.1';
  const cpu = spec.cpu ?? 5192;
  const memory = spec.memoryMb ?? 24_105;
  const aws = spec.instanceId
    ? {
        'unique.platform.aws.instance-id': spec.instanceId,
        'platform.aws.instance-type': 'm5.large',
        'platform.aws.placement.availability-zone': 'us-east-1a',
      }
    : {};
  const node: Node = {
    ID: id,
    Name: name,
    HTTPAddr: `${address}:4646`,
    Datacenter: spec.datacenter ?? 'dc1',
    NodeClass: spec.nodeClass ?? '',
    NodePool: spec.pool ?? 'default',
    Attributes: {
      'kernel.name': 'linux',
      'cpu.arch': 'amd64',
      'os.name': 'debian',
      'driver.raw_exec': '1',
      'nomad.version': buildOf(state.version),
      'unique.hostname': name,
      'unique.network.ip-address': address,
      'unique.advertise.address': `${address}:4646`,
      ...aws,
      ...spec.attributes,
    },
    Meta: { ...spec.meta },
    Links: spec.instanceId ? { 'aws.ec2': `us-east-1a.${spec.instanceId}` } : null,
    Status: spec.initializing ? 'initializing' : 'ready',
    StatusDescription: '',
    StatusUpdatedAt: seconds(state),
    SchedulingEligibility: spec.defaultIneligible ? 'ineligible' : 'eligible',
    DrainStrategy: null,
    Drain: false,
    LastDrain: null,
    Events: [],
    Drivers: {
      raw_exec: {
        Attributes: { 'driver.raw_exec': 'true' },
        Detected: true,
        HealthDescription: 'Healthy',
        Healthy: true,
        UpdateTime: state.timestamp(),
      },
      ...driversOf(spec, state),
    },
    HostVolumes: {
      ...volumes(spec.hostVolumes, () => ''),
      ...volumes(spec.dynamicVolumes, () => state.id()),
    },
    HostNetworks: null,
    NodeResources: {
      Cpu: { CpuShares: cpu, ReservableCpuCores: [0, 1], TotalCpuCores: 2 } as Node['NodeResources']['Cpu'],
      Devices: null,
      Disk: { DiskMB: 258_019 },
      Memory: { MemoryMB: memory },
      MinDynamicPort: 20_000,
      MaxDynamicPort: 32_000,
      Networks: [{ CIDR: `${address}/32`, Device: 'lo', IP: address, MBits: 1000, Mode: 'host' }],
      NodeNetworks: [],
      Processors: { Topology: null },
    },
    ReservedResources: {
      Cpu: { CpuShares: 0, ReservedCpuCores: null },
      Disk: { DiskMB: 0 },
      Memory: { MemoryMB: 0 },
      Networks: { ReservedHostPorts: '' },
    },
    CSIControllerPlugins: {},
    CSINodePlugins: {},
    CgroupParent: 'nomad.slice',
    ComputedClass: `v1:${state.nodes.size + 1}`,
    GCVolumesOnNodeGC: false,
    IdentitySigningKeyID: '',
    LastAllocUpdateIndex: 0,
    LastMissedHeartbeatIndex: 0,
    NodeMaxAllocs: 0,
    SecretID: '',
    TLSEnabled: false,
    CreateIndex: index,
    ModifyIndex: index,
  };
  state.nodes.set(node.ID, node);
  state.addEvent(node, 0, { Subsystem: 'Cluster', Message: 'Node registered' });
  state.commit(index, 'nodes');
  return node;
};

export const driversOf = ({ drivers = {} }: Pick<NodeSpec, 'drivers'>, state: State): Node['Drivers'] =>
  Object.fromEntries(
    Object.entries(drivers).map(([name, unhealthy]) => [
      name,
      {
        Attributes: unhealthy === undefined ? { [`driver.${name}`]: 'true' } : null,
        Detected: true,
        HealthDescription: unhealthy ?? 'Healthy',
        Healthy: unhealthy === undefined,
        UpdateTime: state.timestamp(),
      },
    ]),
  );

const volumes = (names: readonly string[] = [], id: () => string): Node['HostVolumes'] =>
  Object.fromEntries(names.map((Name) => [Name, { ID: id(), Name, Path: `/srv/${Name}`, ReadOnly: false }]));

/** By which a node registers anew: the same machine. */
export const specOf = ({ NodeResources, HostVolumes, ...node }: Node) => ({
  name: node.Name,
  pool: node.NodePool,
  nodeClass: node.NodeClass,
  datacenter: node.Datacenter,
  meta: node.Meta,
  attributes: node.Attributes,
  address: node.HTTPAddr.slice(0, node.HTTPAddr.lastIndexOf(':')),
  cpu: NodeResources.Cpu.CpuShares,
  memoryMb: NodeResources.Memory.MemoryMB,
  hostVolumes: Object.keys(HostVolumes).filter((name) => HostVolumes[name]?.ID === ''),
});

export const instanceOf = ({ Attributes }: Node): string | undefined => Attributes['unique.platform.aws.instance-id'];

export const seconds = (state: State): number => Math.floor(state.now() / 1000);

/** What `/v1/nodes` shows of a node. Address is of the stub only: filters read the node and do not find it. */
export interface NodeStub {
  Address: string;
  ID: string;
  Name: string;
  Status: string;
  Drain: boolean;
  SchedulingEligibility: string;
  LastDrain: LastDrain | null;
  [other: string]: unknown;
}

/** Of its attributes it shows the name of the system alone, where that is asked for (`Node.Stub`). */
export const nodeStub = (node: Node, { resources = false, os = false } = {}): NodeStub => ({
  Address: node.HTTPAddr.slice(0, node.HTTPAddr.lastIndexOf(':')),
  ...(os && { Attributes: { 'os.name': node.Attributes['os.name'] ?? '' } }),
  CreateIndex: node.CreateIndex,
  Datacenter: node.Datacenter,
  Drain: node.Drain,
  Drivers: node.Drivers,
  HostVolumes: node.HostVolumes,
  ID: node.ID,
  LastDrain: node.LastDrain,
  ModifyIndex: node.ModifyIndex,
  Name: node.Name,
  NodeClass: node.NodeClass,
  NodePool: node.NodePool,
  ...(resources && { NodeResources: node.NodeResources, ReservedResources: node.ReservedResources }),
  SchedulingEligibility: node.SchedulingEligibility,
  Status: node.Status,
  StatusDescription: node.StatusDescription,
  Version: node.Attributes['nomad.version'],
});

/** The node as filters see it: Nomad computes Drain only when it writes JSON, so a filter does not find it; its secret is never shown. */
export const filterableNode = (node: Node): object => new Proxy(node, AS_FILTERED);

/** Not a copy: a filter looks at every node, and at few of its fields. */
const AS_FILTERED: ProxyHandler<Node> = {
  get: (node, key) => (key === 'SecretID' ? secretOf(node.ID) : Reflect.get(node, key)),
  getOwnPropertyDescriptor: (node, key) => (key === 'Drain' ? undefined : Reflect.getOwnPropertyDescriptor(node, key)),
};

const secretOf = (nodeId: string): string => [...nodeId].toReversed().join('');
