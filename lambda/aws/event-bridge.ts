import {
  EventBridgeClient,
  PutEventsCommand,
  type PutEventsCommandOutput,
  type PutEventsRequestEntry,
} from '@aws-sdk/client-eventbridge';
import type { RunClock } from '../core/model/clock.ts';
import { CLIENT, forRun } from './client.ts';

const PATIENCE = { timeoutMs: 2_000, attempts: 2 };

/** EventBridge's API, as far as we use it. */
export class EventBridge {
  readonly #client = new EventBridgeClient(CLIENT);

  /** @param entries at most ten */
  put(entries: PutEventsRequestEntry[], clock: RunClock): Promise<PutEventsCommandOutput> {
    return forRun(this.#client, clock, PATIENCE).send(new PutEventsCommand({ Entries: entries }));
  }
}
