import { ACCOUNT, type Instance, SUBNET } from '../model.ts';
import { page, type QueryActions, QueryError, type QueryParams, type Xml } from '../query-protocol.ts';
import type { Fleet } from './fleet.ts';
import { type Filters, INSTANCE_FILTERS, readFilters } from './instance-filters.ts';
import { describeStatus, isAskedFor, STATUS_FILTERS } from './instance-status.ts';
import { describeInterfaces, isGone, primaryAddress } from './network-interfaces.ts';
import { describeSpotRequest, isSpot, SPOT_FILTERS } from './spot-requests.ts';

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html */
const STATE_CODES: Record<Instance['ec2State'], number> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

/** EC2's actions, by their name. */
export function ec2Actions(fleet: Fleet): QueryActions {
  return {
    DescribeInstances: (params) => {
      const { items, next } = found(fleet, params, INSTANCE_FILTERS, () => true);
      return { reservationSet: items.map(describeReservation), nextToken: next };
    },

    DescribeInstanceStatus: (params) => {
      const { items, next } = found(fleet, params, STATUS_FILTERS, isAskedFor(params));
      return {
        instanceStatusSet: items.map((instance) => describeStatus(instance, describeState(instance))),
        nextToken: next,
      };
    },

    DescribeSpotInstanceRequests: (params) => {
      const { items, next } = found(fleet, params, SPOT_FILTERS, isSpot);
      return { spotInstanceRequestSet: items.map(describeSpotRequest), nextToken: next };
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
function found(fleet: Fleet, params: QueryParams, filters: Filters, also: (instance: Instance) => boolean) {
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
        privateIpAddress: primaryAddress(instance),
        ipv6Address: isGone(instance) ? undefined : instance.ipv6,
        networkInterfaceSet: describeInterfaces(instance),
        instanceType: 'm7g.large',
        launchTime: new Date(instance.launchedAt),
        placement: { availabilityZone: instance.zone, tenancy: 'default' },
        instanceLifecycle: instance.market === 'spot' ? 'spot' : undefined,
        spotInstanceRequestId: instance.spotRequest?.id,
        subnetId: isGone(instance) ? undefined : SUBNET,
        tagSet: instance.groupTag ? [{ key: 'aws:autoscaling:groupName', value: instance.groupTag }] : undefined,
      },
    ],
  };
}
