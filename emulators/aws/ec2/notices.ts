import type { Schedule } from '../auto-scaling/schedule.ts';
import type { EventBus, Sent } from '../events/events.ts';
import type { Ids } from '../ids.ts';
import { ACCOUNT, type Instance, REGION, type SpotRequest, ZONE } from '../model.ts';
import type { Fleet } from './fleet.ts';
import { setSpotStatus } from './spot-requests.ts';

export type SpotAction = 'terminate' | 'stop' | 'hibernate';

/**
 * What EC2 calls each of AWS Health's scheduled changes. AWS publishes the codes of each, and no table of both; a retired
 * instance with an EBS root volume is stopped.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instances-status-check_sched.html
 */
const EVENT_CODES = {
  AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED: 'instance-retirement',
  AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED: 'instance-stop',
  AWS_EC2_INSTANCE_STOP_SCHEDULED: 'instance-stop',
  AWS_EC2_INSTANCE_REBOOT_MAINTENANCE_SCHEDULED: 'instance-reboot',
  AWS_EC2_SYSTEM_REBOOT_MAINTENANCE_SCHEDULED: 'system-reboot',
  AWS_EC2_INSTANCE_NETWORK_MAINTENANCE_SCHEDULED: 'system-maintenance',
  AWS_EC2_INSTANCE_POWER_MAINTENANCE_SCHEDULED: 'system-maintenance',
} as const;

export interface Maintenance {
  code: keyof typeof EVENT_CODES;
  /** Milliseconds since 1970. */
  startTime: number;
  endTime?: number;
  /** `upcoming` by default. */
  statusCode?: 'open' | 'upcoming' | 'closed';
  /** How the event names instances: by id unless this says otherwise. */
  as?: 'id' | 'arn';
  /** Sends this page alone, counted from 1: the others are lost. */
  page?: number;
  /** Over how many events the instances are spread; 1 by default. */
  totalPages?: number;
}

interface Announced {
  ids: readonly string[];
  maintenance: Maintenance;
  eventArn: string;
}

/** From the warning of a Spot interruption to EC2's ending the instance. */
const WARNING_MS = 120_000;

export const arnOf = (id: string) => `arn:aws:ec2:${REGION}:${ACCOUNT}:instance/${id}`;

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html */
export const spotWarning = (id: string, action: SpotAction) => ({
  source: 'aws.ec2',
  detailType: 'EC2 Spot Instance Interruption Warning',
  // The zone where the region belongs, and no account: so AWS writes it.
  resource: `arn:aws:ec2:${ZONE}:instance/${id}`,
  detail: { 'instance-id': id, 'instance-action': action },
});

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitor-interruptible-cr.html */
export const reservationWarning = (id: string, endsAt: number): Sent => ({
  source: 'aws.ec2',
  detailType: 'EC2 Capacity Reservation Instance Interruption Warning',
  resource: arnOf(id),
  detail: {
    'instance-id': id,
    'instance-action': 'terminate',
    'instance-termination-time': new Date(endsAt).toISOString().replace(/\.\d+Z$/, 'Z'),
    azId: 'use1-az1',
  },
});

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/rebalance-recommendations.html */
export const rebalanceRecommendation = (id: string) => ({
  source: 'aws.ec2',
  detailType: 'EC2 Instance Rebalance Recommendation',
  resource: arnOf(id),
  detail: { 'instance-id': id },
});

/** What EC2 and AWS Health say before they end an instance, or touch it: no group and no hook is asked. */
export class Notices {
  readonly #schedule: Schedule;
  readonly #bus: EventBus;
  readonly #ids: Ids;
  readonly #fleet: Fleet;
  readonly #announced: Announced[] = [];

  constructor(schedule: Schedule, bus: EventBus, ids: Ids, fleet: Fleet) {
    this.#schedule = schedule;
    this.#bus = bus;
    this.#ids = ids;
    this.#fleet = fleet;
  }

  /**
   * The request of an instance that is terminated is closed at once, while the instance runs on for two minutes:
   * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instances-request-status-lifecycle.html
   * "In the case of hibernation, you receive an interruption notice, but not two minutes in advance."
   */
  interruptSpot(instance: Instance, action: SpotAction, afterMs = WARNING_MS): void {
    if (instance.market !== 'spot') throw new Error(`${instance.id} is no Spot instance`);
    const become = (code: SpotRequest['code']) => setSpotStatus(instance, code, this.#schedule.now());
    become(action === 'terminate' ? 'instance-terminated-no-capacity' : 'marked-for-stop');
    this.#bus.send(spotWarning(instance.id, action));
    this.#schedule.after(action === 'hibernate' ? 0 : afterMs, () => {
      if (action === 'terminate') this.#fleet.shutDown(instance);
      else if (instance.ec2State === 'running') {
        this.#fleet.stop(instance);
        become('instance-stopped-no-capacity');
      }
    });
  }

  recommendRebalance({ id }: Instance): void {
    this.#bus.send(rebalanceRecommendation(id));
  }

  scheduleMaintenance(instances: readonly Instance[], maintenance: Maintenance): void {
    const code = EVENT_CODES[maintenance.code];
    const { startTime, endTime } = maintenance;
    for (const instance of instances) {
      instance.scheduledEvents ??= [];
      instance.scheduledEvents.push({
        id: `instance-event-${instance.id.slice(2)}`,
        code,
        description: describe(code),
        notBefore: startTime,
        ...(endTime !== undefined && { notAfter: endTime }),
      });
    }
    const { code: name } = maintenance;
    const eventArn = `arn:aws:health:${REGION}::event/EC2/${name}/${name}_${this.#ids.uuid()}`;
    const announced = { ids: instances.map(({ id }) => id), maintenance, eventArn };
    this.#announced.push(announced);
    this.#health(announced, maintenance.statusCode ?? 'upcoming');
  }

  endMaintenance(instances: readonly Instance[], how: 'Completed' | 'Canceled'): void {
    for (const { scheduledEvents } of instances) {
      for (const event of scheduledEvents ?? []) {
        if (!event.description.startsWith('[')) event.description = `[${how}] ${event.description}`;
      }
    }
    const ids = new Set(instances.map(({ id }) => id));
    for (const announced of this.#announced) {
      const ended = announced.ids.filter((id) => ids.has(id));
      if (ended.length > 0) this.#health({ ...announced, ids: ended }, 'closed');
    }
  }

  #health({ ids, maintenance, eventArn }: Announced, statusCode: string): void {
    const { code, startTime, endTime, as = 'id', page, totalPages = 1 } = maintenance;
    const names = ids.map((id) => (as === 'arn' ? arnOf(id) : id));
    const size = Math.ceil(names.length / totalPages);
    const now = httpTime(this.#schedule.now());
    const communicationId = this.#ids.uuid().replaceAll('-', '');
    for (let n = 1; n <= totalPages; n++) {
      if (page !== undefined && n !== page) continue;
      const affected = names.slice((n - 1) * size, n * size);
      this.#bus.send({
        source: 'aws.health',
        detailType: 'AWS Health Event',
        resource: affected,
        detail: {
          eventArn,
          service: 'EC2',
          eventTypeCode: code,
          eventTypeCategory: 'scheduledChange',
          eventScopeCode: 'ACCOUNT_SPECIFIC',
          communicationId,
          startTime: httpTime(startTime),
          ...(endTime !== undefined && { endTime: httpTime(endTime) }),
          lastUpdatedTime: now,
          statusCode,
          eventRegion: REGION,
          eventDescription: [{ language: 'en_US', latestDescription: describe(EVENT_CODES[code]) }],
          affectedEntities: affected.map((entityValue) => ({
            entityValue,
            lastUpdatedTime: now,
            status: statusCode === 'closed' ? 'RESOLVED' : 'PENDING',
          })),
          affectedAccount: ACCOUNT,
          page: `${n}`,
          totalPages: `${totalPages}`,
          backupEvent: 'false',
        },
      });
    }
  }
}

/** `Thu, 27 Aug 2026 13:19:03 GMT` */
const httpTime = (at: number) => new Date(at).toUTCString();

const describe = (code: (typeof EVENT_CODES)[keyof typeof EVENT_CODES]) =>
  ({
    'instance-retirement': 'The instance is running on degraded hardware',
    'instance-stop': 'The instance is running on degraded hardware',
    'instance-reboot': 'The instance is scheduled for a reboot',
    'system-reboot': 'The instance is scheduled for a reboot',
    'system-maintenance': 'The instance is scheduled for maintenance',
  })[code];
