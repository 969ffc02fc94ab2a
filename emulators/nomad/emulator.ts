import type { Timeline } from '../clock.ts';
import { type EmulatorRequest, Loopback } from '../server.ts';
import { Administration } from './administration.ts';
import { Acl } from './api/acl.ts';
import type { Servers } from './api/http.ts';
import { registerJob } from './api/job-endpoints.ts';
import { registerMetadata } from './api/metadata-endpoints.ts';
import { serve, tokenOf } from './api/routes.ts';
import { leaderOf } from './circumstances.ts';
import { ClientAgents } from './client/agents.ts';
import type { Casualties, KilledTask, TaskProcess } from './client/casualties.ts';
import { Client } from './client/client.ts';
import { Heartbeats } from './client/heartbeat.ts';
import { type Comeback, comebackOf, registerAnew, reregister, unregister } from './client/registration.ts';
import type { Allocation, Job, Node } from './model.ts';
import { driversOf, instanceOf, type NodeSpec, registerNode, specOf } from './nodes.ts';
import { Drainer } from './scheduler/drainer.ts';
import { type JobSpec, jobOf } from './scheduler/jobs.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import { State } from './state.ts';
import type { Version } from './version.ts';

export interface NomadOptions {
  clock: Timeline;
  /** Enforces ACLs; `managementToken` is then the bootstrap token. Off by default, as in Nomad. */
  acl?: boolean;
  port?: number;
  /** From a client's last heartbeat to its being called down: Nomad's least TTL and its grace, 10 s each. */
  heartbeatTtlSeconds?: number;
  /** 2.0.6 by default. */
  version?: Version;
}

export interface RecordedRequest {
  method: string;
  path: string;
  query: Record<string, string>;
  token: string;
  /** The node whose client agent was asked, if none of the servers was. */
  agent?: string;
  /** Of the emulator's clock, in milliseconds. */
  at: number;
}

/** How many of the latest requests are recorded. */
const KEPT_REQUESTS = 10_000;

/** A Nomad region on loopback: servers and clients that live by the given clock, and Nomad's HTTP API before them. */
export class NomadEmulator extends Administration {
  readonly server: Loopback;
  readonly requests: RecordedRequest[] = [];
  /** The bootstrap token's secret; empty where ACLs are off. */
  readonly managementToken: string;
  readonly acl: Acl;
  readonly state: State;
  readonly clientAgents: ClientAgents;
  readonly #servers: Servers;
  readonly #heartbeats: Heartbeats;
  readonly #casualties: Casualties;
  /** Which machine each node is or was on: an instance, whatever its agent says of it today. */
  readonly #machines = new Map<string, string>();

  private constructor(server: Loopback, servers: Servers, casualties: Casualties) {
    super(servers);
    this.server = server;
    this.#servers = servers;
    this.#heartbeats = new Heartbeats(servers);
    this.#casualties = casualties;
    this.state = servers.state;
    this.acl = servers.acl;
    this.clientAgents = new ClientAgents(servers, (request, nodeId) => this.#record(request, nodeId));
    this.managementToken = '';
    if (servers.acl.enabled) {
      const token = servers.acl.createToken({ Name: 'Bootstrap Token', Type: 'management' });
      token.Global = true;
      this.managementToken = token.SecretID;
    }
  }

  static async start(options: NomadOptions): Promise<NomadEmulator> {
    const { clock, acl = false, port = 0, heartbeatTtlSeconds = 20, version = '2.0.6' } = options;
    const state = new State(clock, version);
    const clients = new Map<string, Client>();
    const scheduler = new Scheduler(state, clients);
    const drainer = new Drainer(state, scheduler);
    const heartbeatTtlMs = heartbeatTtlSeconds * 1000;
    const servers: Servers = {
      state,
      acl: new Acl(state, acl),
      scheduler,
      drainer,
      clients,
      heartbeatTtlMs,
      leader: leaderOf(0),
      hollow: false,
    };
    let emulator: NomadEmulator | undefined;
    const server = await Loopback.listen((request) => {
      if (emulator) emulator.#record(request);
      return serve(servers, request);
    }, port);
    server.now = () => clock.now();
    emulator = new NomadEmulator(server, servers, { killed: [], lostDisks: [] });
    return emulator;
  }

  get url(): string {
    return this.server.url;
  }

  async close(): Promise<void> {
    await this.clientAgents.close();
    await this.server.close();
  }

  addNode(spec: NodeSpec = {}): Node & { id: string } {
    const { state, clients, scheduler } = this.#servers;
    const node = registerNode(state, spec);
    const failed = (allocation: Allocation) => scheduler.failed(allocation);
    clients.set(node.ID, new Client(state, node, clients, this.#casualties, failed));
    this.#machines.set(node.ID, instanceOf(node) ?? node.ID);
    scheduler.nodeChanged(node);
    // Not enumerable, so that it stays out of the JSON.
    return Object.defineProperty(node, 'id', { value: node.ID }) as Node & { id: string };
  }

  node(nodeId: string): Node {
    const node = this.state.nodes.get(nodeId);
    if (!node) throw new Error(`no node ${nodeId}`);
    return node;
  }

  /** The first heartbeat of a node that has registered as initializing: it is ready, and takes work. */
  firstHeartbeat(nodeId: string): void {
    this.#heartbeats.first(this.node(nodeId));
  }

  /** A client finds a driver healthy, or unhealthy for this reason. */
  setDriver(nodeId: string, name: string, unhealthy?: string): void {
    const { state, scheduler } = this.#servers;
    const node = this.node(nodeId);
    Object.assign(node.Drivers, driversOf({ drivers: { [name]: unhealthy } }, state));
    node.ModifyIndex = state.next();
    state.commit(node.ModifyIndex, 'nodes');
    scheduler.nodeChanged(node);
  }

  /** Purges a node, as `nomad node purge` would after its machine is gone. */
  removeNode(nodeId: string): void {
    const node = this.node(nodeId);
    this.#servers.clients.get(nodeId)?.die();
    unregister(this.#servers, node);
  }

  /** Registers a job whose allocations run, and are healthy, when this returns; returns the ids of those it placed. */
  run(spec: JobSpec): string[] {
    return this.register(jobOf(spec), true);
  }

  /** Registers a job as it would come over HTTP; with `atOnce` its tasks run when this returns. */
  register(job: Partial<Job>, atOnce = false): string[] {
    const { state, scheduler } = this.#servers;
    const before = new Set(state.allocations.keys());
    scheduler.evaluate(registerJob(state, job), 'job-register', atOnce);
    return [...state.allocations.keys()].filter((id) => !before.has(id));
  }

  allocation(id: string): Allocation {
    const allocation = this.state.allocations.get(id);
    if (!allocation) throw new Error(`no allocation ${id}`);
    return allocation;
  }

  allocationsOn(nodeId: string): Allocation[] {
    return this.state.allocationsOn(nodeId);
  }

  /** The client agent stops; its machine and its tasks live on. */
  stopClient(nodeId: string): void {
    this.#client(nodeId).disconnect();
    this.#heartbeats.stopped(this.node(nodeId));
  }

  /** The client agent is back; its node registers anew where the servers have forgotten it. */
  startClient(nodeId: string): void {
    this.clientAgents.started(nodeId);
    const node = this.state.nodes.get(nodeId);
    if (node) {
      registerMetadata(node);
      this.#heartbeats.resumed(node);
    } else {
      this.#client(nodeId).connected = true;
      registerAnew(this.#servers, nodeId);
    }
  }

  /**
   * The client's data directory is emptied, and its agent comes back as another node of the same instance. What ran is
   * forgotten, and lost when the old node's heartbeat is missed; the new node is eligible.
   */
  newIdentity(nodeId: string, how: Comeback = {}): Node & { id: string } {
    const old = this.node(nodeId);
    this.#client(nodeId).forget();
    this.#heartbeats.stopped(old);
    const anew = this.addNode(comebackOf(specOf(old), how));
    this.#machines.set(anew.id, this.#machines.get(nodeId) ?? nodeId);
    return anew;
  }

  /**
   * The agent starts again, and its fingerprint of EC2 fails: the same node, which does not say any more which instance it
   * is. What ran runs on, a drain goes on, and no event tells.
   */
  restartWithoutFingerprint(nodeId: string, { address }: Pick<Comeback, 'address'> = {}): void {
    reregister(this.#servers, this.node(nodeId), { withoutFingerprint: true, address });
  }

  /** The machine dies now, its client and its tasks with it; the servers learn of it by the missed heartbeat. */
  killInstance(nodeId: string): void {
    const machine = this.#machines.get(nodeId);
    for (const [id, other] of this.#machines) if (other === machine) this.#die(id);
  }

  /** The allocation's tasks end by themselves, now. */
  finish(allocationId: string): void {
    this.#client(this.allocation(allocationId).NodeID).finish(allocationId);
  }

  /** Every process of a task that runs now on a machine that has power, and what is still to run there after the others. */
  processes(): TaskProcess[] {
    return [...this.#servers.clients.values()].flatMap((client) => client.processes());
  }

  /**
   * Tasks that did not end by themselves: stopped, force-killed, or dead with their instance; without those that their own
   * agent had forgotten (`newIdentity`), which `processes` tells of.
   */
  killed(): readonly KilledTask[] {
    return this.#casualties.killed;
  }

  /** Replacements that started without the ephemeral disk they were to inherit, for its instance was gone. */
  lostDisks(): Casualties['lostDisks'] {
    return this.#casualties.lostDisks;
  }

  #die(nodeId: string): void {
    const client = this.#client(nodeId);
    if (!client.powered) return;
    client.die();
    const node = this.state.nodes.get(nodeId);
    if (node && node.Status !== 'down') this.#heartbeats.stopped(node);
  }

  #client(nodeId: string): Client {
    const client = this.#servers.clients.get(nodeId);
    if (!client) throw new Error(`no client ${nodeId}`);
    return client;
  }

  #record(request: EmulatorRequest, agent?: string): void {
    this.requests.push({
      ...(agent !== undefined && { agent }),
      method: request.method,
      path: request.path,
      query: Object.fromEntries(request.url.searchParams),
      token: tokenOf(request),
      at: this.state.clock.now(),
    });
    if (this.requests.length > KEPT_REQUESTS) this.requests.shift();
  }
}
