import { type EmulatorRequest, type EmulatorResponse, Loopback, type Mishap } from '../../server.ts';
import { failure, HttpError, parked, type Servers } from '../api/http.ts';
import { serve } from '../api/routes.ts';

/** From a server's falling silent to what its clients say of it: 35.6 s (1.11.3) to 39.6 s (2.0.6) were seen. */
const SILENT_MS = 39_600;
const REFUSED = 'rpc error: failed to get conn: dial tcp 127.0.0.1:4647: connect: connection refused';
const SILENT = 'rpc error: EOF';

/** What a client agent knows by itself. */
const OWN = /^\/v1\/agent\/(self|health)$/;
const LOGS = /^\/v1\/client\/fs\/logs\/([^/]+)$/;

/**
 * The HTTP API of all client agents, each by the address of its node: as in Nomad, what only a server knows is passed on to one. Seen on
 * 1.6.10, 1.11.3 and 2.0.6 (test/contract/cases-clients.ts).
 */
export class ClientAgents {
  /** How the servers take what is passed on to them: `silent` ones carry out orders once they are back. */
  servers: 'answer' | 'refuse' | 'silent' = 'answer';
  /** Called at each request, before it is answered. */
  onRequest: ((nodeId: string, request: EmulatorRequest) => void) | undefined;
  readonly #servers: Servers;
  readonly #record: (request: EmulatorRequest, nodeId: string) => void;
  readonly #shuttingDown = new Set<string>();
  readonly #silent = new Set<string>();
  /** Orders that silent servers have not read yet. */
  readonly #unread: EmulatorRequest[] = [];
  #nodesAt: (address: string) => readonly string[] = () => [];
  #loopback: Loopback | undefined;

  constructor(servers: Servers, record: (request: EmulatorRequest, nodeId: string) => void) {
    this.#servers = servers;
    this.#record = record;
  }

  /** From now on they answer, at the port of this server. @param nodesAt the nodes of a machine, the one that its agent is now last */
  async listen(nodesAt: (address: string) => readonly string[]): Promise<Loopback> {
    this.#nodesAt = nodesAt;
    this.#loopback ??= await Loopback.listen((request) => this.#answer(request));
    this.#loopback.fault = (request) => this.#mishap(request);
    this.#loopback.now = () => this.#servers.state.clock.now();
    return this.#loopback;
  }

  async close(): Promise<void> {
    await this.#loopback?.close();
  }

  /** The node whose agent runs at this address, if one does. */
  at(address: string): string | undefined {
    return this.#nodesAt(address).findLast((id) => {
      const client = this.#servers.clients.get(id);
      return client?.powered && client.connected;
    });
  }

  /** An agent begins to shut down: its questions come back empty, until it has stopped. */
  shutDown(nodeId: string): void {
    this.#shuttingDown.add(nodeId);
  }

  /** It still takes connections, and says nothing. */
  fallSilent(nodeId: string): void {
    this.#silent.add(nodeId);
  }

  /** It has started again. */
  started(nodeId: string): void {
    this.#shuttingDown.delete(nodeId);
    this.#silent.delete(nodeId);
  }

  /** The servers answer again. Those that were silent read what they were sent. */
  async heal(): Promise<void> {
    this.servers = 'answer';
    for (const order of this.#unread.splice(0)) await serve(this.#servers, order);
  }

  /** Who has stopped, breaks the connections that it had. */
  #mishap(request: EmulatorRequest): Mishap | undefined {
    const nodeId = this.at(addressOf(request));
    if (nodeId === undefined) return 'hang-up';
    this.onRequest?.(nodeId, request);
    return this.#silent.has(nodeId) ? 'silence' : undefined;
  }

  async #answer(request: EmulatorRequest): Promise<EmulatorResponse> {
    const nodeId = this.at(addressOf(request)) ?? '';
    this.#record(request, nodeId);
    if (this.#shuttingDown.has(nodeId)) return serve({ ...this.#servers, hollow: true }, request);
    if (this.servers === 'answer' || this.#knows(nodeId, request)) return serve(this.#servers, request);
    if (this.servers === 'refuse') return failure(new HttpError(500, REFUSED));
    if (request.method !== 'GET') this.#unread.push(request);
    await parked(request, this.#servers.state.clock, SILENT_MS);
    return failure(new HttpError(500, SILENT));
  }

  /** Where ACLs are on, the servers have to read the token first. */
  #knows(nodeId: string, { path }: EmulatorRequest): boolean {
    if (this.#servers.acl.enabled) return false;
    const [, allocationId = ''] = LOGS.exec(path) ?? [];
    return OWN.test(path) || this.#servers.state.allocations.get(allocationId)?.NodeID === nodeId;
  }
}

const addressOf = ({ headers }: EmulatorRequest): string => (headers.host ?? '').replace(/:\d+$/, '');
