import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Clock, TimeLimit } from '../clock.ts';
import { messageOf, NomadError } from '../errors.ts';

const unzip = promisify(gunzip);

/** One question put to Nomad. */
export interface Question {
  method: 'GET' | 'POST';
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  /** How long the answer may take, in milliseconds. @default 5000 */
  timeoutMs?: number;
}

export interface Answer {
  body: unknown;
  /** Nomad's index of what was asked, for a blocking query. */
  index?: string;
  /** Where the next page begins, when there is one. */
  nextToken?: string;
}

/** Puts questions to Nomad: over HTTP here, by other ways where there is no network path. */
export interface Transport {
  /** @throws NomadError when Nomad does not answer, or not with 200 */
  ask(question: Question): Promise<Answer>;
}

/** What has to be fetched before Nomad can be asked. */
export interface Credentials {
  token?: string;
  ca?: string;
}

/** Nomad refuses more than 100 connections from one address, and all functions of a subnet share few addresses. */
const MAX_CONNECTIONS = 8;
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
const ATTEMPTS = 4;
/** How long an answer may take where the question does not say, in milliseconds. */
export const TIMEOUT_MS = 5_000;
const TIMED_OUT = 'no answer within the time limit';
/** A refused token is fetched anew no more often than this. */
const RENEWAL_PAUSE_MS = 10_000;

/** Nomad's HTTP API, with keep-alive, gzip, a time limit on every call, and retries of what is safe to retry. */
export class HttpTransport implements Transport {
  readonly #address: URL;
  readonly #region: string | undefined;
  readonly #clock: Clock;
  readonly #fetchCredentials: () => Promise<Credentials>;
  #credentials: Promise<Credentials> | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #agent: HttpAgent | undefined;

  /**
   * @param options.credentials fetches token and CA: once, and again when Nomad refuses the token (it may have been rotated)
   */
  constructor(options: { address: string; region?: string; clock: Clock; credentials: () => Promise<Credentials> }) {
    this.#address = new URL(options.address);
    this.#region = options.region;
    this.#clock = options.clock;
    this.#fetchCredentials = options.credentials;
  }

  /** Closes its connections. A frozen function would hold them open, and Nomad counts them (100 from one address). */
  close(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }

  async ask(question: Question): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#askWithCredentials(question);
      } catch (error) {
        if (attempt === ATTEMPTS || !(error instanceof NomadError) || !isSafeToRetry(question, error)) throw error;
        await this.#clock.sleep(100 * 2 ** attempt * (0.5 + Math.random()));
      }
    }
  }

  async #askWithCredentials(question: Question): Promise<Answer> {
    const refused = this.#current();
    try {
      return await this.#askOnce(question, await refused);
    } catch (error) {
      if (!(error instanceof NomadError) || error.status !== 403) throw error;
      const renewed = await this.#renewed(refused);
      if (renewed.token === (await refused).token) throw error;
      return await this.#askOnce(question, renewed);
    }
  }

  #current(): Promise<Credentials> {
    if (!this.#credentials) {
      this.#fetchedAt = this.#clock.now();
      this.#credentials = this.#fetchCredentials().catch((error) => {
        this.#credentials = undefined;
        throw error;
      });
    }
    return this.#credentials;
  }

  /** The credentials after these were refused: fetched anew, but by one of many refused questions only. */
  #renewed(refused: Promise<Credentials>): Promise<Credentials> {
    if (this.#credentials === refused && this.#clock.now() - this.#fetchedAt > RENEWAL_PAUSE_MS) {
      this.#credentials = undefined;
      this.#agent = undefined;
    }
    return this.#current();
  }

  async #askOnce(question: Question, credentials: Credentials): Promise<Answer> {
    const failed = (status: number, said: string) =>
      new NomadError({ method: question.method, path: question.path, address: this.#address.origin }, status, said);
    let response: { status: number; headers: IncomingMessage['headers']; body: string };
    try {
      response = await this.#exchange(question, credentials);
    } catch (error) {
      throw failed(0, networkMessage(error));
    }
    const { status, headers, body } = response;
    if (status !== 200) throw failed(status, body);
    const header = (name: string) => (typeof headers[name] === 'string' ? headers[name] : undefined);
    const index = header('x-nomad-index');
    const nextToken = header('x-nomad-nexttoken');
    try {
      return { body: JSON.parse(body), ...(index && { index }), ...(nextToken && { nextToken }) };
    } catch {
      throw failed(status, `not JSON: ${body}`);
    }
  }

  async #exchange(question: Question, { token, ca }: Credentials) {
    const secure = this.#address.protocol === 'https:';
    const connections = { keepAlive: true, maxSockets: MAX_CONNECTIONS };
    this.#agent ??= secure ? new HttpsAgent({ ...connections, ...(ca && { ca }) }) : new HttpAgent(connections);

    const url = new URL(this.#address);
    url.pathname = `${url.pathname.replace(/\/$/, '')}${question.path}`;
    for (const [name, value] of Object.entries({ ...(this.#region && { region: this.#region }), ...question.query })) {
      url.searchParams.set(name, value);
    }
    const body = question.body === undefined ? undefined : JSON.stringify(question.body);
    const options = {
      method: question.method,
      agent: this.#agent,
      headers: {
        Accept: 'application/json',
        'Accept-Encoding': 'gzip',
        ...(token && { 'X-Nomad-Token': token }),
        ...(body !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
      },
    };
    let limit: TimeLimit | undefined;
    try {
      const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
        const outgoing = (secure ? httpsRequest : httpRequest)(url, options, resolve);
        outgoing.on('error', reject);
        // The time begins when the question has a connection: those that wait for one are not late yet.
        outgoing.once('socket', () => {
          limit = this.#clock.limit(question.timeoutMs ?? TIMEOUT_MS);
          limit.signal.addEventListener('abort', () => outgoing.destroy());
        });
        outgoing.end(body);
      });
      return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: await read(incoming) };
    } catch (error) {
      throw limit?.signal.aborted ? new Error(TIMED_OUT) : error;
    } finally {
      limit?.lift();
    }
  }
}

async function read(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += (chunk as Buffer).length;
    if (size > MAX_RESPONSE_BYTES) throw new Error(`the answer is larger than ${MAX_RESPONSE_BYTES} bytes`);
    chunks.push(chunk as Buffer);
  }
  const bytes = Buffer.concat(chunks);
  if (incoming.headers['content-encoding'] !== 'gzip') return bytes.toString('utf8');
  return (await unzip(bytes, { maxOutputLength: MAX_RESPONSE_BYTES })).toString('utf8');
}

/**
 * Whether asking again may help and can do no harm: reading, where the fault passes by itself; writing only where the
 * first request was surely not carried out.
 */
function isSafeToRetry(question: Question, { status, message }: NomadError): boolean {
  if (status === 429 || message.includes('ECONNREFUSED')) return true;
  if (question.method !== 'GET') return false;
  if (status === 0) return !message.includes(TIMED_OUT);
  return [502, 503, 504].includes(status) || message.includes('No cluster leader');
}

function networkMessage(error: unknown): string {
  const { code } = error as { code?: string };
  const message = messageOf(error);
  return code && !message.includes(code) ? `${code} ${message}` : message;
}
