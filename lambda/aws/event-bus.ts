import pMap from 'p-map';
import { chunks, inIso, messageOf } from '../core/basics.ts';
import type { RunClock } from '../core/model/clock.ts';
import { type DrainEvent, EVENT_SOURCE, EVENT_TYPES } from '../core/model/drain-event.ts';
import type { EventPublisher, Logger, Metrics } from '../core/ports.ts';
import { shortened } from '../core/short.ts';
import type { EventBridge } from './event-bridge.ts';

/** PutEvents takes ten entries a call. */
const ENTRIES_PER_CALL = 10;
const CONCURRENCY = 4;
/** The events of a pass take at most this time, in milliseconds: subscribers must not hold drains up. */
const SEND_MS = 4_000;
/** They have at least this time, however late in the run it is, in milliseconds. */
const LAST_SEND_MS = 1_000;

interface EventBusOptions {
  eventBridge: () => Promise<EventBridge>;
  /** Its name or ARN; undefined: no events are sent. */
  bus: string | undefined;
  clock: RunClock;
  logger: Logger;
  metrics: Metrics;
  /** Why each stuck instance is stuck, as announced: a warm function remembers it. */
  stuck: Map<string, string>;
}

/** Puts events on a bus of EventBridge, for the length of one run. */
export class EventBus implements EventPublisher {
  readonly stuck: Map<string, string>;
  readonly #options: EventBusOptions;

  constructor(options: EventBusOptions) {
    this.#options = options;
    this.stuck = options.stuck;
  }

  async send(events: readonly DrainEvent[]): Promise<void> {
    const { bus, clock } = this.#options;
    if (bus === undefined) return;
    const limited = clock.atMost(SEND_MS).atLeast(LAST_SEND_MS);
    await pMap(chunks(events, ENTRIES_PER_CALL), (batch) => this.#put(batch, limited), { concurrency: CONCURRENCY });
  }

  async #put(events: readonly DrainEvent[], clock: RunClock): Promise<void> {
    const entries = events.map(({ type, at, because, detail, times }) => ({
      EventBusName: this.#options.bus,
      Source: EVENT_SOURCE,
      DetailType: EVENT_TYPES[type],
      Time: new Date(at),
      Detail: JSON.stringify(shortened({ ...detail, because, ...inIso(times) })),
    }));
    try {
      const eventBridge = await this.#options.eventBridge();
      const { FailedEntryCount = 0, Entries: answers = [] } = await eventBridge.put(entries, clock);
      if (FailedEntryCount === 0) return;
      const because = answers.find(({ ErrorCode }) => ErrorCode);
      this.#lost(FailedEntryCount, `${because?.ErrorCode}: ${because?.ErrorMessage}`);
    } catch (error) {
      this.#lost(events.length, `${(error as Error).name}: ${messageOf(error)}`);
    }
  }

  #lost(count: number, because: string): void {
    this.#options.metrics.add('EventsLost', count);
    this.#options.logger.warn('events lost', { count, because });
  }
}
