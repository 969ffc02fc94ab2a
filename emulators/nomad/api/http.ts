import { Readable } from 'node:stream';
import { createGzip, gzipSync } from 'node:zlib';
import type { Timeline } from '../../clock.ts';
import type { EmulatorRequest, EmulatorResponse } from '../../server.ts';
import type { Client } from '../client/client.ts';
import { goDuration } from '../go-values.ts';
import type { Drainer } from '../scheduler/drainer.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { State } from '../state.ts';
import type { Acl, Identity } from './acl.ts';
import { FilterError, parseFilter } from './filter.ts';

/** What every endpoint works on. */
export interface Servers {
  state: State;
  acl: Acl;
  scheduler: Scheduler;
  drainer: Drainer;
  clients: Map<string, Client>;
  heartbeatTtlMs: number;
  /** The address of the server that leads. */
  leader: string;
  /** Whether a request is answered by an agent that shuts down. */
  hollow: boolean | ((request: EmulatorRequest) => boolean);
}

export interface Call {
  request: EmulatorRequest;
  servers: Servers;
  identity: Identity;
  query: URLSearchParams;
  /** The path's own parts, decoded. */
  parts: string[];
}

export type Endpoint = (call: Call) => EmulatorResponse | Promise<EmulatorResponse>;

/** Answered as Nomad does: the text alone, as text/plain. */
export class HttpError extends Error {
  override name = 'HttpError';
  readonly status: number;
  /** Errors of a read that went through carry its index. */
  readonly index: number | undefined;
  readonly knownLeader: boolean;

  constructor(status: number, text: string, index?: number, knownLeader = true) {
    super(text);
    this.status = status;
    this.index = index;
    this.knownLeader = knownLeader;
  }
}

export const PERMISSION_DENIED = 'Permission denied';

export const allow = (allowed: boolean): void => {
  if (!allowed) throw new HttpError(403, PERMISSION_DENIED);
};

export const queryHeaders = (index: number, knownLeader = true): Record<string, string> => ({
  'X-Nomad-Index': String(index),
  'X-Nomad-Knownleader': String(knownLeader),
  'X-Nomad-Lastcontact': '0',
});

export const hollowHeaders = queryHeaders(0, false);

export const json = (body: unknown, headers: Record<string, string>): EmulatorResponse => ({
  status: 200,
  headers: { 'Content-Type': 'application/json', ...headers },
  body: Array.isArray(body) && body.length > PIECEMEAL ? Readable.from(pieces(body)) : JSON.stringify(body),
});

/** Lists of more items than this are sent in pieces. */
const PIECEMEAL = 50;

/** Characters of a piece, at least. */
const PIECE = 4_000;

const pieces = function* (items: unknown[]): Generator<string> {
  let piece = '';
  let before = '[';
  for (const item of items) {
    piece += before + JSON.stringify(item);
    before = ',';
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}]`;
};

/** What an agent says of itself, or of a client: it asks no server's state, and so there is no index. */
export const told = (body: unknown): EmulatorResponse => json(body, {});

/** The answer to a write. */
export const written = (index: number, body: unknown): EmulatorResponse =>
  json(body, { 'X-Nomad-Index': String(index) });

export const failure = (error: HttpError): EmulatorResponse => ({
  status: error.status,
  headers: {
    'Content-Type': 'text/plain; charset=utf-8',
    ...(error.index === undefined ? {} : queryHeaders(error.index, error.knownLeader)),
  },
  body: error.message,
});

interface Query<T> {
  /** Cheap: asked at every change while the query blocks. */
  index: () => number;
  read: () => T;
}

/** With `index`, answers once the index is past it, or after `wait` and up to a sixteenth of it (`blocking`). */
export const answer = async <T>(call: Call, { index, read }: Query<T>): Promise<EmulatorResponse> => {
  let body = read();
  const after = Number(call.query.get('index') ?? 0);
  if (!Number.isInteger(after) || after < 0) throw new HttpError(400, 'Invalid index');
  const wait = waitMs(call.query.get('wait'));
  if (after > 0 && index() <= after) {
    await change(call, () => index() > after, wait);
    body = read();
  }
  const next = body instanceof Page ? body.next : '';
  return json(body instanceof Page ? body.items : body, {
    ...queryHeaders(index()),
    ...(next ? { 'X-Nomad-Nexttoken': next } : {}),
  });
};

const waitMs = (text: string | null): number => {
  const wait = text ? goDuration(text) : 300_000;
  if (wait === undefined) throw new HttpError(400, 'Invalid wait time');
  const limited = Math.min(wait === 0 ? 300_000 : wait, 600_000);
  // Nomad adds a random part of a sixteenth; two thirds of it, so that runs repeat.
  return limited + limited / 24;
};

const change = ({ request, servers: { state } }: Call, happened: () => boolean, wait: number): Promise<void> =>
  parked(request, state.clock, wait, (done) =>
    state.onCommit(() => {
      if (happened()) done();
    }),
  );

/**
 * Only the clock is waited for: `ms` milliseconds, unless the client hangs up before.
 * @param listen may end the wait before; returns what stops listening
 */
export const parked = (
  request: EmulatorRequest,
  clock: Timeline,
  ms: number,
  listen: (done: () => void) => () => void = () => () => {},
): Promise<void> =>
  new Promise((resolve) => {
    request.park();
    const stopListening = listen(() => done());
    const cancel = clock.after(ms, () => done());
    const done = () => {
      stopListening();
      cancel();
      request.gone.removeEventListener('abort', done);
      request.resume();
      resolve();
    };
    request.gone.addEventListener('abort', done);
  });

/** A page of a list, and the token of the next one. */
export class Page<T> {
  readonly items: T[];
  readonly next: string;

  constructor(items: T[], next: string) {
    this.items = items;
    this.next = next;
  }
}

/** Filters see the whole object, not the stub: `view` gives what they see, `token` names an object's place in the list. */
export const page = <T, Stub>(
  { query }: Call,
  all: T[],
  token: (item: T) => string,
  view: (item: T) => object,
  stub: (item: T) => Stub,
): Page<Stub> => {
  const expression = query.get('filter');
  const perPage = Number(query.get('per_page') ?? 0);
  const from = query.get('next_token') ?? '';
  const reverse = query.get('reverse') === 'true';
  const before = (a: string, b: string) => (reverse ? a > b : a < b);
  try {
    const filter = expression ? parseFilter(expression) : undefined;
    const items: Stub[] = [];
    for (const item of reverse ? all.toReversed() : all) {
      if (from !== '' && before(token(item), from)) continue;
      if (filter && !filter(view(item))) continue;
      if (perPage > 0 && items.length === perPage) return new Page(items, token(item));
      items.push(stub(item));
    }
    return new Page(items, '');
  } catch (error) {
    if (error instanceof FilterError) throw new HttpError(400, error.message);
    throw error;
  }
};

/** The request's JSON object; `type` is what Nomad calls it in its complaints. */
export const bodyOf = <T extends object>({ request }: Call, type: string): T => {
  let body: unknown;
  try {
    body = JSON.parse(request.body === '' ? '{}' : request.body);
  } catch {
    throw new HttpError(400, `invalid character '${request.body.trim()[0]}' looking for beginning of value`);
  }
  if (typeof body !== 'object' || body === null) {
    throw new HttpError(400, `json: cannot unmarshal ${typeof body} into Go value of type ${type}`);
  }
  return body as T;
};

/** Nomad compresses every answer, however short, for those who ask. */
export const compressed = (request: EmulatorRequest, response: EmulatorResponse): EmulatorResponse => {
  const accepted = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  if (!accepted || !response.body) return response;
  const { body } = response;
  return {
    ...response,
    headers: { ...response.headers, 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' },
    body: body instanceof Readable ? body.pipe(createGzip({ level: 1 })) : gzipSync(body, { level: 1 }),
  };
};
