import type { Allocation } from './allocation.ts';
import { type AllocationReport, toReport } from './allocation-report.ts';
import type { DrainEvent, DrainEventTimes } from './drain-event.ts';
import { type Drain, emptySince, remaining } from './node.ts';
import { nodeOf, nodesOf, sinceOf } from './observation.ts';
import { type Ports, type RunOptions, UNKNOWN } from './ports.ts';
import type { Progress } from './progress.ts';

/** So many allocations are listed in an event; EventBridge takes 256 KB. */
const MOST_LISTED = 50;

/** Tells whoever listens what changes in one run: drains begun, drains that got stuck, instances released. */
export class Announcer {
  readonly #ports: Ports;
  readonly #options: RunOptions;
  /** Drains that were begun in the pass before: only the next one sees what they wait for. */
  readonly #begun = new Map<string, { progress: Progress; at: number }>();

  constructor(ports: Ports, options: RunOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  async tell(all: readonly Progress[]): Promise<void> {
    const now = this.#ports.clock.now();
    const events = all.flatMap((progress) => this.#eventsOf(progress, now));
    if (events.length > 0) await this.#ports.announcements.send(events);
  }

  /** The run is over: tells what had to wait for another pass. */
  async end(): Promise<void> {
    const events = [...this.#begun.values()].map(({ progress, at }) => this.#event('started', progress, at));
    this.#begun.clear();
    if (events.length > 0) await this.#ports.announcements.send(events);
  }

  #eventsOf(progress: Progress, now: number): DrainEvent[] {
    const { instanceId } = progress.termination;
    const events: DrainEvent[] = [];
    const begun = this.#begun.get(instanceId);
    if (begun) events.push(this.#event('started', { ...begun.progress, seen: progress.seen }, begun.at));
    this.#begun.delete(instanceId);
    if (progress.effect === 'drain started') this.#begun.set(instanceId, { progress, at: now });

    const stuck = this.#newlyStuck(progress);
    if (stuck !== undefined) events.push({ ...this.#event('stuck', progress, now), because: stuck });
    if (progress.effect === 'released') events.push(this.#event('ended', progress, now));
    return events;
  }

  /** What the drain is stuck for, where that has not been told before. */
  #newlyStuck({ termination: { instanceId, group }, seen, decision }: Progress): string | undefined {
    const { announcements, journal } = this.#ports;
    const stuck = 'stuck' in decision ? decision.stuck : undefined;
    const before = announcements.stuck.get(instanceId);
    if (stuck === undefined) announcements.stuck.delete(instanceId);
    else announcements.stuck.set(instanceId, stuck);
    if (stuck === undefined || stuck === before) return undefined;
    journal.warn('drain stuck', { instanceId, nodeId: nodeOf(seen)?.id ?? UNKNOWN, group, because: stuck });
    return stuck;
  }

  #event(type: DrainEvent['type'], progress: Progress, at: number): DrainEvent {
    const { termination, seen, decision, killed = [] } = progress;
    const { instanceId, group, hook } = termination;
    const node = nodeOf(seen);
    const ended = decision.action === 'complete';
    const left = ended ? [] : nodesOf(seen).flatMap((each) => remaining(each, this.#options.policy));
    return {
      type,
      at,
      because: decision.because,
      times: timesOf(type, progress, at),
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

function timesOf(type: DrainEvent['type'], { termination, seen, decision }: Progress, now: number): DrainEventTimes {
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
