import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream/promises';
import type { TLSSocket } from 'node:tls';
import { createGunzip } from 'node:zlib';
import { messageOf } from '../../core/basics.ts';
import { type RunClock, RunOver, type TimeLimit } from '../../core/model/clock.ts';
import { Elements } from './json-list.ts';
import { type Tls, tlsProblem } from './tls.ts';

/** The largest answer that is kept as a whole. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
/**
 * How long an answer that has begun may take for this many bytes as they are sent, in milliseconds: a server that sends a byte from time to
 * time is as good as silent. A function with little processor reads several times that of eight answers at once.
 */
const PACE_MS = 5_000;
const PACE_BYTES = 64 * 1024;
/** How much is unpacked at a time. */
const CHUNK_BYTES = 64 * 1024;
/** How long connecting may take, in milliseconds: within a region it takes a few. */
const CONNECT_MS = 2_000;

interface HttpQuestion {
  /** Where it goes. */
  url: URL;
  path: string;
  method: string;
  headers: Record<string, string>;
  body?: string | undefined;
  /** How long the answer may take to begin, in milliseconds. */
  timeoutMs: number;
  /** The clock of the run, which ends every exchange. */
  clock: RunClock;
  /** The answer is a list: only what this returns for each element is kept. */
  each?: ((element: unknown) => unknown) | undefined;
}

interface HttpAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  /** The answer as text; empty if it was a list that was taken apart into `list`. */
  body: string;
  list?: unknown[];
}

/** There was no HTTP answer. */
export class NoResponse extends Error {
  override readonly name = 'NoResponse';
  /** The request certainly did not arrive: there was no connection, or a certificate was refused. */
  readonly unread: boolean;
  /** It failed because of a certificate. */
  readonly distrust: boolean;
  readonly late: boolean;

  constructor(message: string, { unread = false, distrust = false, late = false }) {
    super(message);
    this.unread = unread;
    this.distrust = distrust;
    this.late = late;
  }
}

/** Connections that stay open between questions, with the time limits and the size limit of each exchange. */
export class Connections {
  readonly #tls: Tls;
  readonly #connectMs: number;
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https: HttpsAgent;

  constructor(tls: Tls, connectMs = CONNECT_MS) {
    this.#tls = tls;
    this.#connectMs = connectMs;
    const { serverName, ...certificates } = tls;
    this.#https = new HttpsAgent({
      keepAlive: true,
      ...certificates,
      ...(serverName && { servername: serverName }),
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  /**
   * @throws NoResponse
   * @throws SyntaxError if the answer should be a list and is not
   */
  async exchange({ url, path, method, headers, body, timeoutMs, clock, each }: HttpQuestion): Promise<HttpAnswer> {
    const secure = url.protocol === 'https:';
    const options = { path, method, headers, agent: secure ? this.#https : this.#http };
    let isNew = false;
    let connected = false;
    const connecting = new Watch(clock, this.#connectMs);
    const answering = new Watch(clock, timeoutMs);
    try {
      const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
        const outgoing = (secure ? httpsRequest : httpRequest)(url, options, resolve);
        outgoing.on('error', reject);
        outgoing.once('socket', (socket) => {
          answering.begin((error) => outgoing.destroy(error));
          isNew =
            socket.connecting ||
            (socket as Partial<TLSSocket & { secureConnecting: boolean }>).secureConnecting === true;
          if (!isNew) {
            connected = true;
            return;
          }
          connecting.begin((error) => outgoing.destroy(error));
          socket.once(secure ? 'secureConnect' : 'connect', () => {
            connected = true;
            connecting.end();
          });
        });
        outgoing.end(body);
      });
      const { statusCode: status = 0, headers: received } = incoming;
      return { status, headers: received, ...(await read(incoming, answering, status === 200 ? each : undefined)) };
    } catch (error) {
      if (error instanceof SyntaxError) throw error;
      if (answering.over) throw new NoResponse(answering.over.message, { unread: !connected, late: true });
      if (!connected && connecting.late) throw new NoResponse('no connection within the time limit', { unread: true });
      if (answering.late) throw new NoResponse('no answer within the time limit', { late: true });
      const distrust = secure ? tlsProblem(error, this.#tls, url.hostname) : undefined;
      if (distrust) throw new NoResponse(distrust, { unread: true, distrust: true });
      // A server may close a new connection without an alert when it does not trust our certificate, which it sees last. One that has too
      // many (`http_max_conns_per_client`) does so before.
      const reset = (error as { code?: string }).code === 'ECONNRESET';
      const distrusted = reset && isNew && connected && this.#tls.cert !== undefined;
      const hint = distrusted ? ': does it refuse our client certificate? Check clientCertificate and clientKey' : '';
      throw new NoResponse(`${networkMessage(error)}${hint}`, { unread: !connected, distrust: distrusted });
    } finally {
      connecting.end();
      answering.end();
    }
  }
}

/** Limits how long a server may be silent, or slow. */
class Watch {
  readonly #clock: RunClock;
  #ms: number;
  #limit: TimeLimit | undefined;
  #giveUp: (error: Error) => void = () => {};
  /** The server was silent for that long. */
  late = false;
  /** The run had no time left to begin with. */
  over: RunOver | undefined;

  constructor(clock: RunClock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  begin(giveUp: (error: Error) => void): void {
    this.#giveUp = giveUp;
    this.#start();
  }

  /** The answer has begun: from now on it has to keep up a pace. */
  begun(giveUp: (error: Error) => void): void {
    this.#giveUp = giveUp;
    this.#ms = Math.min(this.#ms, PACE_MS);
    this.#start();
  }

  renew(): void {
    this.#start();
  }

  #start(): void {
    this.end();
    try {
      this.#limit = this.#clock.limit(this.#ms);
      this.#limit.signal.addEventListener('abort', () => {
        this.late = true;
        this.#giveUp(new Error('late'));
      });
    } catch (error) {
      if (!(error instanceof RunOver)) throw error;
      this.over = error;
      this.#giveUp(error);
    }
  }

  end(): void {
    this.#limit?.lift();
    this.#limit = undefined;
  }
}

async function read(
  incoming: IncomingMessage,
  watch: Watch,
  each: HttpQuestion['each'],
): Promise<Pick<HttpAnswer, 'body' | 'list'>> {
  const elements = each && new Elements(each);
  const chunks: Buffer[] = [];
  let size = 0;
  const keep = (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_RESPONSE_BYTES) throw new Error(`the answer is larger than ${MAX_RESPONSE_BYTES} bytes`);
    chunks.push(chunk);
  };
  // Not the request: its connection may be free already when the last piece of the answer is taken, and its error would be lost then.
  watch.begun((error) => incoming.destroy(error));
  let arrived = 0;
  const alive = async function* (arriving: AsyncIterable<Buffer>) {
    for await (const chunk of arriving) {
      arrived += chunk.length;
      if (arrived >= PACE_BYTES) {
        arrived = 0;
        watch.renew();
      }
      yield chunk;
    }
  };
  const take = async (arriving: AsyncIterable<Buffer>) => {
    for await (const chunk of arriving) elements ? elements.push(chunk) : keep(chunk);
  };
  const packed = incoming.headers['content-encoding'] === 'gzip';
  if (packed) await pipeline(incoming, alive, createGunzip({ chunkSize: CHUNK_BYTES }), take);
  else await pipeline(incoming, alive, take);
  elements?.end();
  return { body: Buffer.concat(chunks).toString('utf8'), ...(elements && { list: elements.list }) };
}

function networkMessage(error: unknown): string {
  const { code } = error as { code?: string };
  const message = messageOf(error);
  return code && !message.includes(code) ? `${code} ${message}` : message;
}
