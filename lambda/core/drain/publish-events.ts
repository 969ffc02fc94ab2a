import { toReport } from '../explain.ts';
import type { Allocation, AllocationReport } from '../model/allocation.ts';
import type { DrainEvent, DrainEventTimes } from '../model/drain-event.ts';
import { deadlineOf, emptySince, remaining } from '../model/node.ts';
import { nodeOf, nodesOf, sinceOf } from '../model/observation.ts';
import { type Ports, type RetainedInstance, UNKNOWN } from '../ports.ts';
import type { Progress } from './progress.ts';

/** At most this many allocations are listed in an event: EventBridge takes 256 KB. */
const MOST_LISTED = 50;

/** Sends events about what changes in one run: drains started, drains that got stuck, instances released. */
export class EventAnnouncer {
  readonly #ports: Ports;
  /** Drains that were started in the pass before: only the next pass sees what they wait for. */
  readonly #started = new Map<string, { progress: Progress; at: number }>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  async tell(all: readonly Progress[], retained: readonly RetainedInstance[]): Promise<void> {
    const now = this.#ports.clock.now();
    const events = [
      ...all.flatMap((progress) => this.#eventsOf(progress, now)),
      ...retained.flatMap((each) => this.#newlyRetained(each, now)),
    ];
    if (events.length > 0) await this.#ports.publisher.send(events);
  }

  /** The run ends: sends what was kept for another pass. */
  async end(): Promise<void> {
    const events = [...this.#started.values()].map(({ progress, at }) => this.#event('started', progress, at));
    this.#started.clear();
    if (events.length > 0) await this.#ports.publisher.send(events);
  }

  #eventsOf(progress: Progress, now: number): DrainEvent[] {
    const { instanceId } = progress.termination;
    const events: DrainEvent[] = [];
    const started = this.#started.get(instanceId);
    if (started) events.push(this.#event('started', { ...started.progress, seen: progress.seen }, started.at));
    this.#started.delete(instanceId);
    if (progress.effect === 'drain started') this.#started.set(instanceId, { progress, at: now });

    const stuck = this.#newlyStuck(progress);
    if (stuck !== undefined) events.push({ ...this.#event('stuck', progress, now), because: stuck });
    if (progress.effect === 'released') events.push(this.#event(endedType(progress), progress, now));
    return events;
  }

  /** Why the drain is stuck, if that has not been announced before. */
  #newlyStuck({ termination: { instanceId, group }, seen, decision }: Progress): string | undefined {
    const { publisher, logger } = this.#ports;
    const stuck = 'stuck' in decision ? decision.stuck : undefined;
    const before = publisher.stuck.get(instanceId);
    if (stuck === undefined) publisher.stuck.delete(instanceId);
    else publisher.stuck.set(instanceId, stuck);
    if (stuck === undefined || stuck === before) return undefined;
    logger.warn('drain stuck', { instanceId, nodeId: nodeOf(seen)?.id ?? UNKNOWN, group, because: stuck });
    return stuck;
  }

  /** Told once, like what is stuck: it does not resolve by itself either. */
  #newlyRetained({ instanceId, group, state }: RetainedInstance, at: number): DrainEvent[] {
    const { publisher, logger } = this.#ports;
    if (publisher.stuck.get(instanceId) === state) return [];
    publisher.stuck.set(instanceId, state);
    const because = `its lifecycle action was abandoned, and the group retains it (${state}): it runs until you terminate it`;
    logger.warn('instance retained', { instanceId, nodeId: UNKNOWN, group, because });
    const detail = { instanceId, group, nodeId: null, allocations: [], allocationCount: 0 };
    return [{ type: 'retained', at, because, times: {}, detail }];
  }

  #event(type: DrainEvent['type'], progress: Progress, at: number): DrainEvent {
    const { termination, seen, decision, killed = [], nowhere = [] } = progress;
    const { instanceId, group, hook, notice, launch } = termination;
    const node = nodeOf(seen);
    const ended = decision.action === 'complete';
    const left = ended ? [] : nodesOf(seen).flatMap((each) => remaining(each, termination.policy));
    return {
      type,
      at,
      because: decision.because,
      times: timesOf(type, progress, at),
      detail: {
        instanceId,
        group,
        hook,
        ...(launch && { into: launch.into }),
        ...(notice && { notice: notice.kind }),
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
          ...(nowhere.length > 0 && { nowhere }),
        }),
        allocations: listed(left, at),
        allocationCount: left.length,
      },
    };
  }
}

/** How its wait ended, on the way out of service or into it. */
function endedType({ decision }: Progress): DrainEvent['type'] {
  const outcome = decision.action === 'complete' ? decision.outcome : undefined;
  if (outcome === 'admitted') return 'ready';
  return outcome === 'abandoned' ? 'abandoned' : 'ended';
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
  if (type === 'started' || type === 'stuck') return times;
  return { ...times, emptySince: drain && node.allocations && emptySince(drain, node.allocations), endedAt: now };
}

const listed = (allocations: readonly Allocation[], now: number): AllocationReport[] =>
  allocations
    .toSorted((one, other) => one.createdAt - other.createdAt)
    .slice(0, MOST_LISTED)
    .map((allocation) => toReport(allocation, now));
