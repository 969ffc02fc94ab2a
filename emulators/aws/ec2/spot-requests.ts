import type { Instance, SpotRequest } from '../model.ts';
import type { Xml } from '../query-protocol.ts';
import type { Filters } from './instance-filters.ts';

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instances-request-status-lifecycle.html */
const STATES: Record<SpotRequest['code'], string> = {
  fulfilled: 'active',
  'marked-for-stop': 'active',
  'instance-stopped-no-capacity': 'disabled',
  'instance-stopped-by-user': 'disabled',
  'instance-terminated-no-capacity': 'closed',
  'instance-terminated-by-user': 'closed',
};

/** What DescribeSpotInstanceRequests can be asked to filter by. */
export const SPOT_FILTERS: Filters = {
  'instance-id': ({ id }) => [id],
  'spot-instance-request-id': ({ spotRequest }) => [spotRequest?.id],
  state: ({ spotRequest }) => [spotRequest && STATES[spotRequest.code]],
  'status-code': ({ spotRequest }) => [spotRequest?.code],
};

export const isSpot = ({ spotRequest }: Instance) => spotRequest !== undefined;

/** The status of the request of a Spot instance; that of a closed one stays. */
export function setSpotStatus({ spotRequest }: Instance, code: SpotRequest['code'], at: number): void {
  if (spotRequest && STATES[spotRequest.code] !== 'closed') Object.assign(spotRequest, { code, updatedAt: at });
}

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SpotInstanceRequest.html */
export function describeSpotRequest({ id, spotRequest, launchedAt, zone }: Instance): Xml {
  if (!spotRequest) return undefined;
  const { id: spotInstanceRequestId, code, updatedAt } = spotRequest;
  return {
    spotInstanceRequestId,
    instanceId: id,
    state: STATES[code],
    status: { code, updateTime: new Date(updatedAt), message: code },
    type: 'one-time',
    createTime: new Date(launchedAt),
    productDescription: 'Linux/UNIX',
    launchedAvailabilityZone: zone,
  };
}
