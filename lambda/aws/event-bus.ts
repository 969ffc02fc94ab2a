import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import pMap from 'p-map';
import type { DrainEvent, DrainEventTimes } from '../announce.ts';
import { EVENT_SOURCE, EVENT_TYPES } from '../config.ts';
import { messageOf } from '../errors.ts';
import type { Announcements, Journal, Meter } from '../ports.ts';

/** PutEvents takes ten entries a call. */
const ENTRIES_PER_CALL = 10;
const CONCURRENCY = 4;

/** Puts events on a bus of EventBridge; on none where none is configured. Nobody waits for who listens. */
export class EventBus implements Announcements {
  readonly stuck = new Map<string, string>();
  readonly #client: EventBridgeClient;
  readonly #bus: string | undefined;
  readonly #journal: Journal;
  readonly #meter: Meter;

  constructor(client: EventBridgeClient, bus: string | undefined, journal: Journal, meter: Meter) {
    this.#client = client;
    this.#bus = bus;
    this.#journal = journal;
    this.#meter = meter;
  }

  async send(events: readonly DrainEvent[]): Promise<void> {
    if (this.#bus === undefined) return;
    const batches: DrainEvent[][] = [];
    for (let start = 0; start < events.length; start += ENTRIES_PER_CALL) {
      batches.push(events.slice(start, start + ENTRIES_PER_CALL));
    }
    await pMap(batches, (batch) => this.#put(batch), { concurrency: CONCURRENCY });
  }

  async #put(events: readonly DrainEvent[]): Promise<void> {
    const Entries = events.map(({ type, at, because, detail, times }) => ({
      EventBusName: this.#bus,
      Source: EVENT_SOURCE,
      DetailType: EVENT_TYPES[type],
      Time: new Date(at),
      Detail: JSON.stringify({ ...detail, because, ...inWords(times) }),
    }));
    try {
      const { FailedEntryCount = 0, Entries: answers = [] } = await this.#client.send(
        new PutEventsCommand({ Entries }),
      );
      if (FailedEntryCount === 0) return;
      const because = answers.find(({ ErrorCode }) => ErrorCode);
      this.#lost(FailedEntryCount, `${because?.ErrorCode}: ${because?.ErrorMessage}`);
    } catch (error) {
      this.#lost(events.length, `${(error as Error).name}: ${messageOf(error)}`);
    }
  }

  #lost(count: number, because: string): void {
    this.#meter.add('EventsLost', count);
    this.#journal.warn('events lost', { count, because });
  }
}

const inWords = (times: DrainEventTimes) =>
  Object.fromEntries(
    Object.entries(times).flatMap(([name, time]) => (time === undefined ? [] : [[name, new Date(time).toISOString()]])),
  );
