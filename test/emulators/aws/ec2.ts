import type { Fleet, SecondInterface } from './fleet.ts';
import { describeStatus, isAskedFor, STATUS_FILTERS } from './instance-status.ts';
import { ACCOUNT, type Instance, SUBNET } from './model.ts';
import { page, type QueryActions, QueryError, type QueryParams, type Xml } from './query-protocol.ts';

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html */
const STATE_CODES: Record<Instance['ec2State'], number> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

/** What DescribeInstances can be asked to filter by, and which values of an instance each looks at. */
const FILTERS: Record<string, (instance: Instance) => readonly (string | undefined)[]> = {
  'instance-id': ({ id }) => [id],
  'private-ip-address': (instance) => [isGone(instance) ? undefined : instance.privateIp],
  'private-dns-name': (instance) => [isGone(instance) ? undefined : instance.privateDns],
  'instance-state-name': ({ ec2State }) => [ec2State],
  'tag:aws:autoscaling:groupName': ({ groupTag }) => [groupTag],
  'tag-key': ({ groupTag }) => [groupTag && 'aws:autoscaling:groupName'],
};

/** EC2's actions, by their name. */
export function ec2Actions(fleet: Fleet): QueryActions {
  return {
    DescribeInstances: (params) => {
      const { items, next } = found(fleet, params, FILTERS, () => true);
      return { reservationSet: items.map(describeReservation), nextToken: next };
    },

    DescribeInstanceStatus: (params) => {
      const { items, next } = found(fleet, params, STATUS_FILTERS, isAskedFor(params));
      return {
        instanceStatusSet: items.map((instance) => describeStatus(instance, describeState(instance))),
        nextToken: next,
      };
    },

    TerminateInstances: (params) => {
      const instances = requireInstances(fleet, params.list('InstanceId'));
      return {
        instancesSet: instances.map((instance) => {
          const previousState = describeState(instance);
          fleet.shutDown(instance);
          return { instanceId: instance.id, currentState: describeState(instance), previousState };
        }),
      };
    },
  };
}

/** One page of the instances that are asked for: by their ids, or by filters. */
function found(fleet: Fleet, params: QueryParams, filters: typeof FILTERS, also: (instance: Instance) => boolean) {
  const ids = params.list('InstanceId');
  const maxResults = params.integer('MaxResults');
  if (maxResults !== undefined && ids.length > 0) {
    throw new QueryError(
      'InvalidParameterCombination',
      'The parameter instancesSet cannot be used with the parameter maxResults',
    );
  }
  if (maxResults !== undefined && (maxResults < 5 || maxResults > 1000)) {
    throw new QueryError(
      'InvalidParameterValue',
      `Value ( ${maxResults} ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.`,
    );
  }
  const known = [...fleet.instances.values()].filter(({ forgotten }) => !forgotten);
  const named = ids.length === 0 ? known : requireInstances(fleet, ids);
  const fitting = named.filter(readFilters(params, filters)).filter(also);
  return page(fitting, maxResults ?? 1000, params.get('NextToken'));
}

function requireInstances(fleet: Fleet, ids: readonly string[]): Instance[] {
  const malformed = ids.find((id) => !/^i-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id));
  if (malformed !== undefined) throw new QueryError('InvalidInstanceID.Malformed', `Invalid id: "${malformed}"`);
  const found = new Map<string, Instance>();
  for (const id of ids) {
    const instance = fleet.instances.get(id);
    if (instance && !instance.forgotten) found.set(id, instance);
  }
  const missing = [...new Set(ids)].filter((id) => !found.has(id));
  if (missing.length === 1) {
    throw new QueryError('InvalidInstanceID.NotFound', `The instance ID '${missing[0]}' does not exist`);
  }
  if (missing.length > 1) {
    throw new QueryError('InvalidInstanceID.NotFound', `The instance IDs '${missing.join(', ')}' do not exist`);
  }
  return [...found.values()];
}

function readFilters(params: QueryParams, known: typeof FILTERS): (instance: Instance) => boolean {
  const filters: ((instance: Instance) => boolean)[] = [];
  for (let n = 1; ; n++) {
    const name = params.get(`Filter.${n}.Name`);
    if (name === undefined) return (instance) => filters.every((filter) => filter(instance));
    const valuesOf = known[name];
    if (!valuesOf) throw new QueryError('InvalidParameterValue', `The filter '${name}' is invalid`);
    const wanted = params.list(`Filter.${n}.Value`);
    filters.push((instance) => valuesOf(instance).some((value) => value !== undefined && wanted.includes(value)));
  }
}

const isGone = ({ ec2State }: Instance) => ec2State === 'terminated';

const describeState = ({ ec2State }: Instance) => ({ code: STATE_CODES[ec2State], name: ec2State });

function describeReservation(instance: Instance): Xml {
  return {
    reservationId: instance.id.replace('i-', 'r-'),
    ownerId: ACCOUNT,
    instancesSet: [
      {
        instanceId: instance.id,
        imageId: 'ami-0a1b2c3d4e5f60718',
        instanceState: describeState(instance),
        // A terminated instance has lost its addresses: the name is there, and empty.
        privateDnsName: isGone(instance) ? '' : instance.privateDns,
        privateIpAddress: isGone(instance) || instance.ipv6Only ? undefined : instance.privateIp,
        ipv6Address: isGone(instance) ? undefined : instance.ipv6,
        networkInterfaceSet: isGone(instance) ? undefined : describeInterfaces(instance),
        instanceType: 'm7g.large',
        launchTime: new Date(instance.launchedAt),
        placement: { availabilityZone: instance.zone, tenancy: 'default' },
        instanceLifecycle: instance.market === 'spot' ? 'spot' : undefined,
        subnetId: isGone(instance) ? undefined : SUBNET,
        tagSet: instance.groupTag ? [{ key: 'aws:autoscaling:groupName', value: instance.groupTag }] : undefined,
      },
    ],
  };
}

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterface.html */
function describeInterfaces({ privateIp, privateDns, ipv6, ipv6Only, secondInterface }: Instance): Xml[] {
  const first = { ...(ipv6Only ? {} : { privateIp }), privateDns, ...(ipv6 !== undefined && { ipv6 }) };
  return [first, ...(secondInterface ? [secondInterface] : [])].map(
    (each: Partial<typeof first & SecondInterface>, index) => ({
      networkInterfaceId: `eni-0a1b2c3d4e5f6071${index}`,
      privateIpAddress: each.privateIp,
      privateDnsName: each.privateDns,
      privateIpAddressesSet: [
        ...(each.privateIp
          ? [{ privateIpAddress: each.privateIp, privateDnsName: each.privateDns, primary: true }]
          : []),
        ...(each.more ?? []).map((privateIpAddress) => ({ privateIpAddress, primary: false })),
      ],
      ipv6AddressesSet: each.ipv6 === undefined ? [] : [{ ipv6Address: each.ipv6, isPrimaryIpv6: index === 0 }],
      attachment: { deviceIndex: index, status: 'attached' },
    }),
  );
}
