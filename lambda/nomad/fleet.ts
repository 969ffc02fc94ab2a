import pMap from 'p-map';
import type { Clock } from '../clock.ts';
import type { Policy } from '../config.ts';
import type { DrainOrder } from '../decide.ts';
import { messageOf, NomadError } from '../errors.ts';
import type { Nodes } from '../ports.ts';
import type { Termination } from '../termination.ts';
import type { Permissions } from './acl.ts';

import {
  type AllocationJson,
  DRAINED_BY,
  migratesDisk,
  type NodeJson,
  type NodeStub,
  toAllocation,
  toMeta,
  toNode,
  toRecord,
} from './json.ts';
import { type Allocation, type DrainRecord, type NomadNode, type Observation, remaining } from './node.ts';
import type { Answer, Question, Transport } from './transport.ts';

/** Replacements of one node looked up at once. */
const CONCURRENCY = 8;
/** Every node that is drained or being drained. Nodes that are down stay in Nomad for a day: they are looked up singly. */
const FLEET = 'SchedulingEligibility == "ineligible" and Status != "down"';

export interface FleetOptions {
  transport: Transport;
  clock: Clock;
  /** What the token may see. Asked again and again: the caller remembers the answer. */
  permissions: () => Promise<Permissions>;
  policy: Policy;
  /** A key of the node's own Meta that holds the instance id, for clients that do not fingerprint EC2. */
  nodeMetaKey?: string | undefined;
  /** When the run has to end and nothing is asked any more, milliseconds since the epoch. */
  until: number;
  /** Ask for the whole fleet at once (the sweep), or node by node (an event's one instance). */
  wholeFleet: boolean;
}

/** The nodes of the waiting instances, for the length of one run. */
export class Fleet implements Nodes {
  readonly #options: FleetOptions;
  /** The node of each instance that this run has seen. */
  readonly #nodeIds = new Map<string, string>();
  /** Nodes whose allocations have been read to explain what their drain waits for: once a run. */
  readonly #explained = new Map<string, Allocation[]>();
  /** The drained nodes, each by its own id and by that of the instance which our drain names. */
  #fleet = new Map<string, NodeStub>();
  #drainedByUs: { nodeId: string; instanceId: string; startedAt: number }[] = [];
  #index: string | undefined;
  #permissions: Permissions | undefined;
  /** Why nothing can be said of any node, where the last look failed as a whole. */
  #failure: Observation | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  get permissions(): Permissions | undefined {
    return this.#permissions;
  }

  async look(): Promise<void> {
    this.#failure = undefined;
    this.#permissions = undefined;
    try {
      this.#permissions = await this.#options.permissions();
      if (this.#options.wholeFleet) await this.#askForFleet();
    } catch (error) {
      this.#failure = unanswered(error);
    }
  }

  async observe(termination: Termination): Promise<Observation> {
    return this.#failure ?? this.#observeOne(termination).catch(unanswered);
  }

  /**
   * Asks for a drain. Does nothing where one was to be started and is on already: a second request would move its
   * deadline (recording drain-twice).
   */
  async startDrain(nodeId: string, order: DrainOrder, record: DrainRecord): Promise<boolean> {
    if (order.how === 'start' && (await this.#readNode(nodeId))?.DrainStrategy) return false;
    const spec = {
      // In nanoseconds; less than nothing is at once.
      Deadline: order.how === 'force' ? -1_000_000_000 : order.deadlineSeconds * 1_000_000_000,
      IgnoreSystemJobs: this.#options.policy.ignoreSystemJobs,
    };
    await this.#ask({
      method: 'POST',
      path: `/v1/node/${nodeId}/drain`,
      body: { DrainSpec: spec, MarkEligible: false, Meta: toMeta(record) },
    });
    this.#explained.delete(nodeId);
    return true;
  }

  /** The nodes that we have drained, whatever has become of their instances, as the last look found them. */
  drainedByUs(): { nodeId: string; instanceId: string; startedAt: number }[] {
    return this.#drainedByUs;
  }

  /** Takes a node back into service, whose instance came back (from a warm pool, or with a new root volume). */
  async makeEligible(nodeId: string): Promise<void> {
    const node = await this.#readNode(nodeId);
    if (!node) return;
    const [path, body] = node.DrainStrategy
      ? ['drain', { DrainSpec: null, MarkEligible: true, Meta: { drained_by: DRAINED_BY } }]
      : ['eligibility', { Eligibility: 'eligible' }];
    await this.#ask({ method: 'POST', path: `/v1/node/${nodeId}/${path}`, body });
  }

  /** Waits until any drained node changes, `ms` milliseconds at the most. */
  async changed(ms: number): Promise<void> {
    if (this.#index === undefined) return this.#options.clock.sleep(ms);
    const query = { filter: FLEET, index: this.#index, wait: `${Math.floor(ms)}ms` };
    // Nomad answers after wait and up to a sixteenth of it more (recording blocking).
    const question: Question = { method: 'GET', path: '/v1/nodes', query, timeoutMs: ms * (17 / 16) + 5_000 };
    await this.#ask(question).catch(() => this.#options.clock.sleep(ms));
  }

  /** Every question ends with the run: one that is still open then is unanswered. */
  async #ask(question: Question): Promise<Answer> {
    const { transport, clock, until } = this.#options;
    const left = until - clock.now();
    if (left <= 0) throw new Error('Nomad answers so slowly that this run had no time left to ask');
    return transport.ask({ ...question, timeoutMs: Math.min(question.timeoutMs ?? transport.timeoutMs, left) });
  }

  async #askForFleet(): Promise<void> {
    const { nodes, index } = await this.#nodes(FLEET);
    this.#fleet = new Map(nodes.map((node) => [node.ID, node]));
    this.#drainedByUs = [];
    for (const node of nodes) {
      const instanceId = toRecord(node.LastDrain?.Meta ?? null)?.instanceId;
      if (instanceId === undefined) continue;
      if (!this.#fleet.has(instanceId)) this.#fleet.set(instanceId, node);
      const startedAt = Date.parse(node.LastDrain?.StartedAt ?? '');
      this.#drainedByUs.push({ nodeId: node.ID, instanceId, startedAt });
    }
    this.#index = index;
  }

  async #observeOne(termination: Termination): Promise<Observation> {
    const { instanceId } = termination;
    const known = this.#nodeIds.get(instanceId);
    const stub = this.#fleet.get(known ?? '') ?? this.#fleet.get(instanceId);
    if (stub) return this.#present(instanceId, stub);

    if (known) {
      const node = await this.#readNode(known);
      return node ? this.#present(instanceId, node) : { is: 'absent', seen: true };
    }
    const matches = await this.#lookUp(termination);
    const alive = matches.filter(({ Status }) => Status !== 'down');
    if (alive.length > 1) return { is: 'ambiguous', nodeIds: alive.map(({ ID }) => ID) };
    const match = alive[0] ?? matches[0];
    return match ? this.#present(instanceId, match) : { is: 'absent', seen: false };
  }

  /** The nodes that say that they are this instance; where none does, those at its address that are not down. */
  async #lookUp({ instanceId, privateIp, privateDns }: Termination): Promise<NodeStub[]> {
    const key = this.#options.nodeMetaKey;
    const names = [`Attributes["unique.platform.aws.instance-id"] == "${instanceId}"`];
    if (key) names.push(`Meta["${key}"] == "${instanceId}"`);
    const { nodes } = await this.#nodes(names.join(' or '));
    if (nodes.length > 0) return nodes;

    const addresses: string[] = [];
    if (privateIp) addresses.push(`Attributes["unique.network.ip-address"] == "${privateIp}"`);
    if (privateDns) addresses.push(`Name == "${privateDns}"`);
    if (addresses.length === 0) return [];
    // Addresses are used again: a node that is down, or that says that it is another instance, is not this one.
    const silent = '"unique.platform.aws.instance-id" not in Attributes';
    return (await this.#nodes(`(${addresses.join(' or ')}) and Status != "down" and ${silent}`)).nodes;
  }

  async #present(instanceId: string, stub: NodeStub): Promise<Observation> {
    this.#nodeIds.set(instanceId, stub.ID);
    const node = toNode(stub);
    if (node.status === 'down' || !node.drain) return { is: 'present', node };
    if (node.drain.status === 'complete') return this.#finished(instanceId, node.id);

    const explained = this.#explained.get(node.id) ?? (await this.#allocations(node.id)).map(toAllocation);
    this.#explained.set(node.id, explained);
    const observed: NomadNode = { ...node, allocations: explained };
    if (remaining(observed, this.#options.policy).length > 0) return { is: 'present', node: observed };
    return this.#finished(instanceId, node.id);
  }

  /** A node with nothing left to do, as it seems: what is on it now, and what still copies from it. */
  async #finished(instanceId: string, nodeId: string): Promise<Observation> {
    const json = await this.#readNode(nodeId);
    if (!json) return { is: 'absent', seen: true };
    const node = toNode(json);
    this.#nodeIds.set(instanceId, nodeId);
    if (node.status === 'down' || !node.drain) return { is: 'present', node };
    const allocations = await this.#allocations(nodeId);
    const copying = await this.#copying(allocations);
    return { is: 'present', node: { ...node, allocations: allocations.map(toAllocation), copying } };
  }

  /** A replacement that is still pending copies the data of the allocation before it (recording drain-migrate-disk). */
  async #copying(allocations: AllocationJson[]): Promise<Allocation[]> {
    const replaced = allocations.filter((each) => each.NextAllocation && migratesDisk(each));
    const replacements = await pMap(replaced, ({ NextAllocation }) => this.#readAllocation(NextAllocation ?? ''), {
      concurrency: CONCURRENCY,
    });
    return replacements
      .filter((each) => each !== undefined)
      .map(toAllocation)
      .filter(({ clientStatus }) => clientStatus === 'pending');
  }

  async #nodes(filter: string): Promise<{ nodes: NodeStub[]; index?: string }> {
    const nodes: NodeStub[] = [];
    for (let nextToken = ''; ; ) {
      const query = { filter, ...(nextToken && { next_token: nextToken }) };
      const answer = await this.#ask({ method: 'GET', path: '/v1/nodes', query });
      nodes.push(...(answer.body as NodeStub[]));
      if (!answer.nextToken) return { nodes, ...(answer.index && { index: answer.index }) };
      nextToken = answer.nextToken;
    }
  }

  async #allocations(nodeId: string): Promise<AllocationJson[]> {
    const answer = await this.#ask({ method: 'GET', path: `/v1/node/${nodeId}/allocations` });
    return (answer.body as AllocationJson[] | null) ?? [];
  }

  #readNode(id: string): Promise<NodeJson | undefined> {
    return found<NodeJson>(this.#ask({ method: 'GET', path: `/v1/node/${id}` }));
  }

  #readAllocation(id: string): Promise<AllocationJson | undefined> {
    return found<AllocationJson>(this.#ask({ method: 'GET', path: `/v1/allocation/${id}` }));
  }
}

/** What was asked for, or undefined where Nomad answers that it does not exist. */
async function found<T>(asked: Promise<Answer>): Promise<T | undefined> {
  try {
    return (await asked).body as T;
  } catch (error) {
    if (error instanceof NomadError && error.status === 404) return undefined;
    throw error;
  }
}

const unanswered = (error: unknown): Observation => ({ is: 'unanswered', because: messageOf(error) });
