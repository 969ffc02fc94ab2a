import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';

/** A request of this process that was answered. Times of `performance.now()`. */
export interface Observed {
  host: string;
  path: string;
  began: number;
  ended: number;
}

/** Notes the requests of this process, without a part in them. */
export class Observer {
  readonly #answered: Observed[] = [];
  readonly #began = new Map<unknown, number>();

  constructor() {
    subscribe('http.client.request.start', this.#start);
    subscribe('http.client.response.finish', this.#finish);
  }

  /** What was answered since the last time. */
  take(): Observed[] {
    return this.#answered.splice(0);
  }

  close(): void {
    unsubscribe('http.client.request.start', this.#start);
    unsubscribe('http.client.response.finish', this.#finish);
  }

  readonly #start = (message: unknown) => {
    this.#began.set((message as { request: ClientRequest }).request, performance.now());
  };

  readonly #finish = (message: unknown) => {
    const { request } = message as { request: ClientRequest };
    const ended = performance.now();
    this.#answered.push({
      host: String(request.getHeader('host')),
      path: request.path,
      began: this.#began.get(request) ?? ended,
      ended,
    });
    this.#began.delete(request);
  };
}

/** How many of the requests went one after another: the longest chain in which each began when the one before had ended. */
export function inSequence(requests: readonly Observed[]): number {
  const ordered = requests.toSorted((one, other) => one.began - other.began);
  const depths: number[] = [];
  for (const [index, { began }] of ordered.entries()) {
    const before = depths.filter((_, earlier) => earlier < index && (ordered[earlier]?.ended ?? 0) <= began);
    depths.push(1 + Math.max(0, ...before));
  }
  return Math.max(0, ...depths);
}
