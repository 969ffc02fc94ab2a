import type { EpochMs } from '../core/model/clock.ts';
import { EventError } from '../errors.ts';
import { type Fields, fieldsOf, isInstanceId, timeOf } from './fields.ts';

/** What AWS says of instances before they go, as its events say it. */
export type Said = { instanceIds: string[]; time?: EpochMs } & (
  | { kind: 'spot' | 'reservation'; endsAt?: EpochMs }
  | { kind: 'rebalance' }
  | { kind: 'maintenance'; startsAt: EpochMs; endsAt?: EpochMs }
);

/** How long EventBridge tries to deliver what is said, in seconds: the rules say so. */
export const DELIVERED_FOR_SECONDS = { spot: 120, reservation: 120, rebalance: 3_600, maintenance: 86_400 } as const;
/** How long Lambda then keeps it for the function, in seconds. */
export const QUEUED_FOR_SECONDS = 300;

/** What is said, or why it is nothing to act on; undefined if the event is of another kind. */
export type Read = Said | { because: string } | undefined;

/**
 * How the types of AWS Health's scheduled changes begin that end, stop, reboot or cut off an instance: `PERSISTENT` is one with an EBS root
 * volume. AWS publishes no list of them; docs/leaving.md has those that are known, each with its source. The rule lets in these.
 */
export const MAINTENANCE_PREFIXES = ['AWS_EC2_INSTANCE_', 'AWS_EC2_PERSISTENT_INSTANCE_', 'AWS_EC2_SYSTEM_'] as const;

const NO_INSTANCE = { because: 'the event names no instance in detail.instance-id' };

/**
 * Reads an event of EC2 or AWS Health about an instance that goes, or may go.
 * @throws EventError saying what is missing
 */
export function readSaid(event: Fields): Read {
  const detail = fieldsOf(event.detail);
  const at = timeOf(event.time);
  const time = at === undefined ? {} : { time: at };
  const instanceIds = [detail['instance-id']].filter(isInstanceId);
  switch (`${String(event.source)}, ${String(event['detail-type'])}`) {
    case 'aws.ec2, EC2 Spot Instance Interruption Warning': {
      if (instanceIds.length === 0) return NO_INSTANCE;
      if (detail['instance-action'] !== 'hibernate') return { kind: 'spot', instanceIds, ...time };
      return {
        because: 'EC2 hibernates the instance at once: there is no time to drain, and its tasks go on afterwards',
      };
    }
    case 'aws.ec2, EC2 Capacity Reservation Instance Interruption Warning': {
      if (instanceIds.length === 0) return NO_INSTANCE;
      const endsAt = timeOf(detail['instance-termination-time']);
      return { kind: 'reservation', instanceIds, ...time, ...(endsAt !== undefined && { endsAt }) };
    }
    case 'aws.ec2, EC2 Instance Rebalance Recommendation':
      return instanceIds.length === 0 ? NO_INSTANCE : { kind: 'rebalance', instanceIds, ...time };
    case 'aws.health, AWS Health Event':
      return readHealth(detail, time);
    default:
      return undefined;
  }
}

/** One page of an event: each page names instances of its own. */
function readHealth(
  { service, eventTypeCode, eventTypeCategory, statusCode, ...detail }: Fields,
  time: Pick<Said, 'time'>,
): Read {
  const code = String(eventTypeCode);
  if (
    service !== 'EC2' ||
    eventTypeCategory !== 'scheduledChange' ||
    !MAINTENANCE_PREFIXES.some((prefix) => code.startsWith(prefix))
  ) {
    return { because: `no maintenance of instances: ${String(service)}, ${code}` };
  }
  if (statusCode === 'closed') return { because: 'the maintenance is over, or was cancelled' };
  const startsAt = timeOf(detail.startTime);
  if (startsAt === undefined) throw new EventError('the health event lacks detail.startTime');
  const endsAt = timeOf(detail.endTime);
  const entities = Array.isArray(detail.affectedEntities) ? detail.affectedEntities.map(fieldsOf) : [];
  const instanceIds = entities
    .filter(({ status }) => status !== 'RESOLVED')
    // An id, or an ARN that ends in it.
    .map(({ entityValue }) => String(entityValue).split('/').at(-1))
    .filter(isInstanceId);
  if (instanceIds.length === 0) return { because: 'the health event names no instance' };
  return { kind: 'maintenance', instanceIds, ...time, startsAt, ...(endsAt !== undefined && { endsAt }) };
}
