import * as sent from '../../emulators/aws/ec2/notices.ts';
import type { EventBridgeEvent, Sent } from '../../emulators/aws/events/events.ts';
import { ACCOUNT, REGION } from '../../emulators/aws/model.ts';
import { world } from './start.ts';

interface Place {
  clock: { now(): number };
}

/** An event as a rule hands it on, which nobody has sent: its instance lives on. */
const event = ({ clock }: Place, { source, detailType, resource, detail }: Sent): EventBridgeEvent => ({
  version: '0',
  id: '1e5527d7-bb36-4607-3370-4164db56a40e',
  'detail-type': detailType,
  source,
  account: ACCOUNT,
  time: new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
  region: REGION,
  resources: [resource].flat(),
  detail,
});

export const spotWarning = (instanceId: string, place: Place = world, action: sent.SpotAction = 'terminate') =>
  event(place, sent.spotWarning(instanceId, action));

/** AWS's example has one text for `resources`, where every other event has a list. */
export const reservationWarning = (instanceId: string, endsAt: number) => ({
  ...event(world, sent.reservationWarning(instanceId, endsAt)),
  resources: sent.arnOf(instanceId),
});

export const rebalanceRecommendation = (instanceId: string, place: Place = world) =>
  event(place, sent.rebalanceRecommendation(instanceId));

interface Maintenance {
  /** Milliseconds since the epoch. */
  startTime: number;
  as?: 'id' | 'arn';
  statusCode?: string;
  eventTypeCode?: string;
  page?: string;
  totalPages?: string;
}

/** https://docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html */
export const healthEvent = (
  instanceIds: readonly string[],
  { startTime, as = 'id', statusCode = 'upcoming', page = '1', totalPages = '1', ...more }: Maintenance,
) => {
  const { eventTypeCode = 'AWS_EC2_INSTANCE_REBOOT_MAINTENANCE_SCHEDULED' } = more;
  const written = (ms: number) => new Date(ms).toUTCString();
  const values = instanceIds.map((id) => (as === 'id' ? id : `arn:aws:ec2:us-east-1:123456789012:instance/${id}`));
  const lastUpdatedTime = written(world.clock.now());
  const detail = {
    eventArn: `arn:aws:health:us-east-1::event/EC2/${eventTypeCode}/abc`,
    service: 'EC2',
    eventTypeCode,
    eventTypeCategory: 'scheduledChange',
    eventScopeCode: 'ACCOUNT_SPECIFIC',
    communicationId: 'd0ef3ee4-6efc-4ae1-9bf6-abcdef012345',
    startTime: written(startTime),
    endTime: written(startTime + 7_200_000),
    lastUpdatedTime,
    statusCode,
    eventRegion: 'us-east-1',
    eventDescription: [{ language: 'en_US', latestDescription: 'Your instance is scheduled for maintenance.' }],
    affectedEntities: values.map((entityValue) => ({ entityValue, lastUpdatedTime, status: 'PENDING' })),
    affectedAccount: '123456789012',
    page,
    totalPages,
    backupEvent: 'false',
  };
  return event(world, { source: 'aws.health', detailType: 'AWS Health Event', resource: values, detail });
};
