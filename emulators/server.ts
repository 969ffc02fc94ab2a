import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

/** One request as an emulator sees it. */
export interface EmulatorRequest {
  method: string;
  url: URL;
  /** As it came: a URL takes `..` for the folder above, encoded too. */
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
  /** Aborted when the client hangs up before it is answered. */
  gone: AbortSignal;
  /** Call this when the answer now depends on the clock (a blocking query): the request no longer counts as work. */
  park(): void;
  /** Call this when a parked request is being answered after all: it counts as work again, until it is answered. */
  resume(): void;
}

export interface EmulatorResponse {
  status: number;
  headers?: Record<string, string>;
  /** In pieces where it is large: sent as they come. */
  body?: string | Buffer | Readable;
}

/**
 * What goes wrong with a request: another answer in its stead, the connection cut before it is read or when it has been
 * carried out, no answer at all, or half of one: then the connection breaks, or stays and says nothing more.
 */
export type Mishap = EmulatorResponse | 'hang-up' | 'answer lost' | 'silence' | 'answer broken off' | 'half an answer';
export type Fault = (request: EmulatorRequest) => Mishap | undefined | Promise<Mishap | undefined>;

/** A real HTTP server on loopback, which knows how much it has to do: tests move the clock only when it is idle. */
export class Loopback {
  /** Requests being answered, without those that only wait for the clock. */
  busy = 0;
  /** Requests that only wait for the clock. */
  parked = 0;
  /** Counts every request that arrived. */
  arrived = 0;
  /** Connections open now, and the most there ever were. */
  connections = 0;
  mostConnections = 0;
  /** Set to make requests fail. */
  fault: Fault | undefined;
  /** Dates answers that do not date themselves; Node would by the machine's own clock. */
  now: (() => number) | undefined;
  readonly #sockets = new Set<Socket>();
  /** Those that were lost: what still arrives by one is never read. */
  readonly #lost = new WeakSet<Socket>();
  readonly #server;

  private constructor(answer: (request: EmulatorRequest) => EmulatorResponse | Promise<EmulatorResponse>) {
    this.#server = createServer((incoming, outgoing) => void this.#serve(answer, incoming, outgoing));
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', (socket) => {
      this.connections += 1;
      this.mostConnections = Math.max(this.mostConnections, this.connections);
      this.#sockets.add(socket);
      socket.on('close', () => {
        this.connections -= 1;
        this.#sockets.delete(socket);
      });
    });
  }

  /** The open connections die without notice: as when a NAT gateway forgets them. */
  loseConnections(): void {
    for (const socket of this.#sockets) this.#lost.add(socket);
  }

  static async listen(
    answer: (request: EmulatorRequest) => EmulatorResponse | Promise<EmulatorResponse>,
    port = 0,
  ): Promise<Loopback> {
    const loopback = new Loopback(answer);
    await new Promise<void>((resolve, reject) => {
      loopback.#server.once('error', reject);
      loopback.#server.listen(port, '127.0.0.1', resolve);
    });
    return loopback;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(
    answer: (request: EmulatorRequest) => EmulatorResponse | Promise<EmulatorResponse>,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> {
    this.arrived += 1;
    this.busy += 1;
    let state: 'busy' | 'parked' | 'over' = 'busy';
    const enter = (next: typeof state) => {
      if (state === 'over' || state === next) return;
      if (state === 'busy') this.busy -= 1;
      if (state === 'parked') this.parked -= 1;
      if (next === 'busy') this.busy += 1;
      if (next === 'parked') this.parked += 1;
      state = next;
    };
    if (this.now) outgoing.setHeader('Date', new Date(this.now()).toUTCString());
    const gone = new AbortController();
    outgoing.on('close', () => {
      enter('over');
      if (!outgoing.writableFinished) gone.abort();
    });
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const request: EmulatorRequest = {
        method: incoming.method ?? 'GET',
        url: new URL(incoming.url ?? '/', 'http://loopback'),
        path: (incoming.url ?? '/').replace(/\?.*/, ''),
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString('utf8'),
        gone: gone.signal,
        park: () => enter('parked'),
        resume: () => enter('busy'),
      };
      const mishap = this.#lost.has(incoming.socket) ? 'silence' : await this.fault?.(request);
      if (mishap === 'silence') return request.park();
      const response = typeof mishap === 'object' ? mishap : mishap !== 'hang-up' && (await answer(request));
      if ((mishap === 'half an answer' || mishap === 'answer broken off') && response) {
        const body = await bytesOf(response.body ?? '');
        outgoing.writeHead(response.status, { ...response.headers, 'Content-Length': body.length + 1 });
        const then = mishap === 'half an answer' ? request.park : () => incoming.socket.destroy();
        outgoing.write(body.subarray(0, body.length / 2), then);
        return;
      }
      if (mishap === 'answer lost' || !response) {
        incoming.socket.destroy();
        return;
      }
      outgoing.writeHead(response.status, response.headers);
      if (response.body instanceof Readable) response.body.pipe(outgoing);
      else outgoing.end(response.body ?? '');
    } catch (error) {
      if (!outgoing.headersSent) outgoing.writeHead(500, { 'Content-Type': 'text/plain' });
      outgoing.end(`emulator failed: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
}

const bytesOf = (body: NonNullable<EmulatorResponse['body']>): Promise<Buffer> | Buffer =>
  body instanceof Readable ? buffer(body) : Buffer.from(body);
