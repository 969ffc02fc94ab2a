import type { EVENT_TYPES } from './config.ts';
import { sinceOf } from './decide.ts';
import type { Outcome } from './decision.ts';
import { type Allocation, type Drain, emptySince, nodeOf, nodesOf, remaining } from './nomad/node.ts';
import { type Orders, type Ports, UNKNOWN } from './ports.ts';
import { type AllocationReport, type Look, toReport } from './report.ts';

/** So many allocations are listed in an event; EventBridge takes 256 KB. */
const MOST_LISTED = 50;

/** A drain has begun, cannot go on by itself, or has ended: for whoever listens on the event bus. */
export interface DrainEvent {
  type: keyof typeof EVENT_TYPES;
  /** Milliseconds since the epoch. */
  at: number;
  /** Part of the detail on the bus, like all that follows: why, in a sentence. */
  because: string;
  detail: DrainEventDetail;
  /** On the bus in ISO 8601. */
  times: DrainEventTimes;
}

/** Milliseconds since the epoch; what is not known is left out. */
export interface DrainEventTimes {
  waitingSince?: number | undefined;
  drainStartedAt?: number | undefined;
  /** When Nomad kills what still runs. */
  deadlineAt?: number | undefined;
  /** When the last allocation ended. */
  emptySince?: number | undefined;
  endedAt?: number | undefined;
}

/** What an event tells. */
export interface DrainEventDetail {
  instanceId: string;
  group: string;
  hook: string;
  /** The Nomad node; null where none is known. */
  nodeId: string | null;
  nodeName?: string;
  /** How it ended, and what Auto Scaling was answered: in `Nomad Drain Ended` alone. */
  outcome?: Outcome;
  result?: 'CONTINUE' | 'ABANDON';
  /** What is waited for, the oldest first; at most fifty are listed. */
  allocations: AllocationReport[];
  /** How many there are in all. */
  allocationCount: number;
  /** What did not end by itself, at most fifty listed, and how many there are: in `Nomad Drain Ended` alone. */
  killed?: AllocationReport[];
  killedCount?: number;
}

/** Tells whoever listens what changes in one run: drains begun, drains that got stuck, instances let go. */
export class Announcer {
  readonly #ports: Ports;
  readonly #orders: Orders;
  /** Drains that were begun in the look before: only the next one sees what they wait for. */
  readonly #begun = new Map<string, { look: Look; at: number }>();

  constructor(ports: Ports, orders: Orders) {
    this.#ports = ports;
    this.#orders = orders;
  }

  async tell(looks: readonly Look[]): Promise<void> {
    const now = this.#ports.clock.now();
    const events = looks.flatMap((look) => this.#eventsOf(look, now));
    if (events.length > 0) await this.#ports.announcements.send(events);
  }

  /** The run is over: tells what had to wait for another look. */
  async end(): Promise<void> {
    const events = [...this.#begun.values()].map(({ look, at }) => this.#event('started', look, at));
    this.#begun.clear();
    if (events.length > 0) await this.#ports.announcements.send(events);
  }

  #eventsOf(look: Look, now: number): DrainEvent[] {
    const { instanceId } = look.termination;
    const events: DrainEvent[] = [];
    const begun = this.#begun.get(instanceId);
    if (begun) events.push(this.#event('started', { ...begun.look, seen: look.seen }, begun.at));
    this.#begun.delete(instanceId);
    if (look.deed === 'drain started') this.#begun.set(instanceId, { look, at: now });

    const stuck = this.#newlyStuck(look);
    if (stuck !== undefined) events.push({ ...this.#event('stuck', look, now), because: stuck });
    if (look.deed === 'let go') events.push(this.#event('ended', look, now));
    return events;
  }

  /** What the drain is stuck for, where that has not been told before. */
  #newlyStuck({ termination: { instanceId, group }, seen, decision }: Look): string | undefined {
    const { announcements, journal } = this.#ports;
    const stuck = 'stuck' in decision ? decision.stuck : undefined;
    const before = announcements.stuck.get(instanceId);
    if (stuck === undefined) announcements.stuck.delete(instanceId);
    else announcements.stuck.set(instanceId, stuck);
    if (stuck === undefined || stuck === before) return undefined;
    journal.warn('drain stuck', { instanceId, nodeId: nodeOf(seen)?.id ?? UNKNOWN, group, because: stuck });
    return stuck;
  }

  #event(type: DrainEvent['type'], look: Look, at: number): DrainEvent {
    const { termination, seen, decision, killed = [] } = look;
    const { instanceId, group, hook } = termination;
    const node = nodeOf(seen);
    const ended = decision.action === 'complete';
    const left = ended ? [] : nodesOf(seen).flatMap((each) => remaining(each, this.#orders.policy));
    return {
      type,
      at,
      because: decision.because,
      times: timesOf(type, look, at),
      detail: {
        instanceId,
        group,
        hook,
        nodeId: node?.id ?? null,
        ...(node && { nodeName: node.name }),
        ...(ended && {
          outcome: decision.outcome,
          result: decision.result,
          killed: listed(
            killed.map(({ allocation }) => allocation),
            at,
          ),
          killedCount: killed.length,
        }),
        allocations: listed(left, at),
        allocationCount: left.length,
      },
    };
  }
}

function timesOf(type: DrainEvent['type'], { termination, seen, decision }: Look, now: number): DrainEventTimes {
  const node = nodeOf(seen);
  const drain = node?.drain;
  const waitingSince = sinceOf(termination, seen);
  const order = type === 'started' && decision.action === 'start-drain' ? decision.order : undefined;
  if (order?.how === 'start') {
    return { waitingSince, drainStartedAt: now, deadlineAt: now + order.deadlineSeconds * 1000 };
  }
  const times = { waitingSince, drainStartedAt: drain?.startedAt, deadlineAt: deadlineOf(drain) };
  if (type !== 'ended') return times;
  return { ...times, emptySince: drain && node.allocations && emptySince(drain, node.allocations), endedAt: now };
}

/** When Nomad kills what still runs; undefined where nobody knows, or it never does. */
const deadlineOf = (drain: Drain | undefined): number | undefined => {
  const at = drain?.deadlineAt ?? drain?.ours?.deadlineAt;
  return at === 'never' ? undefined : at;
};

const listed = (allocations: readonly Allocation[], now: number): AllocationReport[] =>
  allocations
    .toSorted((one, other) => one.createdAt - other.createdAt)
    .slice(0, MOST_LISTED)
    .map((allocation) => toReport(allocation, now));
