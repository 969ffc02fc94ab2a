import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Clock, TimeLimit } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { type Tls, tlsProblem } from './tls.ts';

const unzip = promisify(gunzip);

/** Nomad refuses more than 100 connections from one address, and all functions of a subnet share few addresses. */
const MAX_CONNECTIONS = 8;
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
/** How long a connection may take to be there, in milliseconds: within a region it takes a few. */
const CONNECT_MS = 2_000;

export interface HttpQuestion {
  url: URL;
  method: string;
  headers: Record<string, string>;
  body?: string | undefined;
  timeoutMs: number;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

/** There was no HTTP answer. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** The question surely did not arrive: there was no connection, or no trust. */
  readonly unread: boolean;
  /** It failed for a certificate. */
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
  readonly #clock: Clock;
  readonly #tls: Tls;
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });
  readonly #https: HttpsAgent;

  constructor(clock: Clock, tls: Tls) {
    this.#clock = clock;
    this.#tls = tls;
    const { serverName, ...certificates } = tls;
    this.#https = new HttpsAgent({
      keepAlive: true,
      maxSockets: MAX_CONNECTIONS,
      ...certificates,
      ...(serverName && { servername: serverName }),
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  /** @throws NoAnswer */
  async exchange({ url, method, headers, body, timeoutMs }: HttpQuestion): Promise<HttpAnswer> {
    const secure = url.protocol === 'https:';
    const options = { method, headers, agent: secure ? this.#https : this.#http };
    let isNew = false;
    let connected = false;
    let connecting: TimeLimit | undefined;
    let answering: TimeLimit | undefined;
    try {
      const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
        const outgoing = (secure ? httpsRequest : httpRequest)(url, options, resolve);
        outgoing.on('error', reject);
        // The time begins when the question has a connection: those that wait for one are not late yet.
        outgoing.once('socket', (socket) => {
          answering = this.#clock.limit(timeoutMs);
          answering.signal.addEventListener('abort', () => outgoing.destroy());
          isNew =
            socket.connecting ||
            (socket as Partial<TLSSocket & { secureConnecting: boolean }>).secureConnecting === true;
          if (!isNew) {
            connected = true;
            return;
          }
          connecting = this.#clock.limit(CONNECT_MS);
          connecting.signal.addEventListener('abort', () => outgoing.destroy());
          socket.once(secure ? 'secureConnect' : 'connect', () => {
            connected = true;
            connecting?.lift();
          });
        });
        outgoing.end(body);
      });
      return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: await read(incoming) };
    } catch (error) {
      if (!connected && connecting?.signal.aborted)
        throw new NoAnswer('no connection within the time limit', { unread: true });
      if (answering?.signal.aborted) throw new NoAnswer('no answer within the time limit', { late: true });
      const distrust = secure ? tlsProblem(error, this.#tls, url.hostname) : undefined;
      if (distrust) throw new NoAnswer(distrust, { unread: true, distrust: true });
      // A server may hang up on a client certificate that it does not trust, without a word.
      const distrusted = isNew && this.#tls.cert !== undefined && (error as { code?: string }).code === 'ECONNRESET';
      const hint = distrusted ? ': does it refuse our client certificate? Check clientCertificate and clientKey' : '';
      throw new NoAnswer(`${networkMessage(error)}${hint}`, { unread: !connected, distrust: distrusted });
    } finally {
      connecting?.lift();
      answering?.lift();
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

function networkMessage(error: unknown): string {
  const { code } = error as { code?: string };
  const message = messageOf(error);
  return code && !message.includes(code) ? `${code} ${message}` : message;
}
