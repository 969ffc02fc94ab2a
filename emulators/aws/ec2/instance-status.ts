import type { Instance, ScheduledEvent } from '../model.ts';
import { QueryError, type QueryParams, type Xml } from '../query-protocol.ts';

/** What DescribeInstanceStatus can be asked to filter by; the values of an event are looked at together. */
export const STATUS_FILTERS: Record<string, (instance: Instance) => readonly (string | undefined)[]> = {
  'event.code': ({ scheduledEvents = [] }) => scheduledEvents.map(({ code }) => code),
  'event.instance-event-id': ({ scheduledEvents = [] }) => scheduledEvents.map(({ id }) => id),
  'instance-state-name': ({ ec2State }) => [ec2State],
  'availability-zone': ({ zone }) => [zone],
};

/** Running instances only, unless the caller includes all. */
export const isAskedFor = (params: QueryParams) => {
  const all = params.get('IncludeAllInstances') ?? 'false';
  if (all !== 'true' && all !== 'false') {
    throw new QueryError('InvalidParameterValue', `Invalid value '${all}' for includeAllInstances`);
  }
  return ({ ec2State }: Instance) => all === 'true' || ec2State === 'running';
};

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceStatus.html */
export function describeStatus(instance: Instance, state: { code: number; name: string }): Xml {
  const status = state.name === 'running' ? 'ok' : 'not-applicable';
  return {
    instanceId: instance.id,
    availabilityZone: instance.zone,
    instanceState: state,
    systemStatus: { status },
    instanceStatus: { status },
    eventsSet: instance.scheduledEvents?.map(describeEvent),
  };
}

const describeEvent = ({ id, code, description, notBefore, notAfter }: ScheduledEvent): Xml => ({
  instanceEventId: id,
  code,
  description,
  notBefore: new Date(notBefore),
  notAfter: notAfter === undefined ? undefined : new Date(notAfter),
});
