import type { Schedule } from '../auto-scaling/schedule.ts';
import type { Ids } from '../ids.ts';
import { ACCOUNT, REGION } from '../model.ts';

/** An event as EventBridge hands it to a target. */
export interface EventBridgeEvent {
  version: '0';
  id: string;
  'detail-type': string;
  /** `aws.autoscaling`, `aws.ec2`, or any other sender. */
  source: string;
  account: string;
  time: string;
  region: string;
  resources: string[];
  detail: Record<string, unknown>;
}

/** What a rule matches on; an omitted field matches all. */
export interface EventPattern {
  source?: EventBridgeEvent['source'];
  detailType?: string;
}

/** An event of AWS's own, without its envelope. */
export interface Sent {
  source: string;
  detailType: string;
  /** One, or all of them in their order. */
  resource: string | readonly string[];
  detail: Record<string, unknown>;
}

interface Subscriber {
  listener: (event: EventBridgeEvent) => void;
  pattern: EventPattern;
}

export const LIFECYCLE_DETAIL_TYPE = {
  'autoscaling:EC2_INSTANCE_TERMINATING': 'EC2 Instance-terminate Lifecycle Action',
  'autoscaling:EC2_INSTANCE_LAUNCHING': 'EC2 Instance-launch Lifecycle Action',
} as const;

/** A rule of the bus, as far as it is asked about. */
export interface Rule {
  schedule?: string;
  enabled: boolean;
  /** The ARNs of its targets. */
  targets: readonly string[];
}

/** Whole seconds, as EventBridge writes it. */
const eventTime = (at: number) => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

/** A copy of an event with another time, milliseconds since the epoch. */
export const withTime = (event: EventBridgeEvent, time: number): EventBridgeEvent => ({
  ...structuredClone(event),
  time: eventTime(time),
});

/** The default event bus: AWS services put events on it, best-effort, and rules take them off. */
export class EventBus {
  /** Every event that was sent, delivered or not. */
  readonly sent: EventBridgeEvent[] = [];
  /** By their names. */
  readonly rules = new Map<string, Rule>();
  /** When each copy of an event arrives, in milliseconds: `[]` loses it, `[0, 500]` brings it twice. */
  deliver: (event: EventBridgeEvent) => readonly number[] = () => [0];
  readonly #schedule: Schedule;
  readonly #ids: Ids;
  readonly #subscribers = new Set<Subscriber>();

  constructor(schedule: Schedule, ids: Ids) {
    this.#schedule = schedule;
    this.#ids = ids;
  }

  subscribe(listener: Subscriber['listener'], pattern: EventPattern = {}): () => void {
    const subscriber = { listener, pattern };
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  /** An event of AWS's own, which may be lost or come twice. */
  send({ source, detailType, resource, detail }: Sent): void {
    const event = this.#event({ source, detailType, resource, detail });
    for (const delay of this.deliver(event)) this.#schedule.after(delay, () => this.#arrive(event));
  }

  /** An event that a sender puts on the bus. */
  put(source: string, detailType: string, detail: Record<string, unknown>): void {
    this.#arrive(this.#event({ source, detailType, detail }));
  }

  /** An event that has come before comes again, as it is: from an archive, or sent by hand. */
  resend(event: EventBridgeEvent): void {
    this.#arrive(event);
  }

  #event({
    source,
    detailType,
    resource,
    detail,
  }: Omit<Sent, 'resource'> & Partial<Pick<Sent, 'resource'>>): EventBridgeEvent {
    const event: EventBridgeEvent = {
      version: '0',
      id: this.#ids.uuid(),
      'detail-type': detailType,
      source,
      account: ACCOUNT,
      time: eventTime(this.#schedule.now()),
      region: REGION,
      resources: resource === undefined ? [] : [resource].flat(),
      detail,
    };
    this.sent.push(event);
    return event;
  }

  #arrive(event: EventBridgeEvent): void {
    for (const { listener, pattern } of [...this.#subscribers]) {
      const { source = event.source, detailType = event['detail-type'] } = pattern;
      if (source === event.source && detailType === event['detail-type']) listener(structuredClone(event));
    }
  }
}
