import pMap from 'p-map';
import type { RunClock } from '../clock.ts';
import type { Policy } from '../config.ts';
import type { DrainOrder } from '../decide.ts';
import { messageOf } from '../errors.ts';
import type { Meter, Nodes } from '../ports.ts';
import type { Termination } from '../termination.ts';
import type { Permissions } from './acl.ts';
import { NomadApi } from './api.ts';
import { withBlocked } from './blocked.ts';
import {
  type BlockedEvaluation,
  DRAINED_BY,
  migratesDisk,
  type NodeStub,
  toAllocation,
  toMeta,
  toNode,
  toRecord,
} from './json.ts';
import { matches } from './matches.ts';
import { type Allocation, type DrainRecord, type NomadNode, type Observation, remaining } from './node.ts';
import type { Transport } from './transport.ts';

/** Replacements of one node, or logs, looked up at once. */
const CONCURRENCY = 8;
/** Allocations of one node whose last words are read. */
const MOST_LOGS = 8;
/** A younger drain is not asked why it does not go on, in milliseconds: it has hardly begun. */
const SETTLING_MS = 30_000;
/** Every node that is drained or being drained. Nodes that are down stay in Nomad for a day: they are looked up singly. */
const FLEET = 'SchedulingEligibility == "ineligible" and Status != "down"';

export interface FleetOptions {
  transport: Transport;
  /** The clock of the run: what is still open when it ends is unanswered. */
  clock: RunClock;
  meter: Meter;
  /** What the token may see. Asked again and again: the caller remembers the answer. */
  permissions: () => Promise<Permissions>;
  policy: Policy;
  /** A key of the node's own Meta that holds the instance id, for clients that do not fingerprint EC2. */
  nodeMetaKey?: string | undefined;
  /** Ask for the whole fleet at once (the sweep), or node by node (an event's one instance). */
  wholeFleet: boolean;
  /** Also read what runs on nodes that do not drain yet, for who only wants to know. */
  explainAll: boolean;
}

/** The nodes of the waiting instances, for the length of one run. */
export class Fleet implements Nodes {
  readonly #options: FleetOptions;
  readonly #nomad: NomadApi;
  /** The node of each instance that this run has seen. */
  readonly #nodeIds = new Map<string, string>();
  /** Nodes whose allocations have been read to explain what their drain waits for: once a run. */
  readonly #explained = new Map<string, Allocation[]>();
  /** The drained nodes, each by its own id and by that of the instance which our drain names. */
  #fleet = new Map<string, NodeStub>();
  #drainedByUs: { nodeId: string; instanceId: string; startedAt: number }[] = [];
  #index: string | undefined;
  #permissions: Permissions | undefined;
  /** Services that wait for room anywhere: asked once a run, and only where a service keeps a drain from ending. */
  #blocked: Promise<BlockedEvaluation[]> | undefined;
  /** Why nothing can be said of any node, where the last look failed as a whole. */
  #failure: Observation | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#nomad = new NomadApi(options.transport, options.clock);
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
      this.#failure = this.#unanswered(error);
    }
  }

  async observe(termination: Termination): Promise<Observation> {
    return this.#failure ?? this.#observeOne(termination).catch((error) => this.#unanswered(error));
  }

  /**
   * Asks for a drain. Does nothing where one was to be started and is on already: a second request would move its
   * deadline (recording drain-twice).
   */
  async startDrain(nodeId: string, order: DrainOrder, record: DrainRecord): Promise<boolean> {
    if (order.how === 'start' && (await this.#nomad.node(nodeId))?.DrainStrategy) return false;
    const spec = {
      // In nanoseconds; less than nothing is at once.
      Deadline: order.how === 'force' ? -1_000_000_000 : order.deadlineSeconds * 1_000_000_000,
      IgnoreSystemJobs: this.#options.policy.ignoreSystemJobs,
    };
    await this.#nomad.drain(nodeId, { DrainSpec: spec, MarkEligible: false, Meta: toMeta(record) });
    this.#explained.delete(nodeId);
    return true;
  }

  /** The nodes that we have drained, whatever has become of their instances, as the last look found them. */
  drainedByUs(): { nodeId: string; instanceId: string; startedAt: number }[] {
    return this.#drainedByUs;
  }

  /** Takes a node back into service, whose instance came back (from a warm pool, or with a new root volume). */
  async makeEligible(nodeId: string): Promise<void> {
    const node = await this.#nomad.node(nodeId);
    if (!node) return;
    if (!node.DrainStrategy) return this.#nomad.makeEligible(nodeId);
    await this.#nomad.drain(nodeId, { DrainSpec: null, MarkEligible: true, Meta: { drained_by: DRAINED_BY } });
  }

  async lastWords(allocations: readonly Allocation[]): Promise<Map<string, string>> {
    const words = new Map<string, string>();
    let silent = false;
    await pMap(
      allocations.slice(0, MOST_LOGS),
      async ({ id, tasks }) => {
        const texts: string[] = [];
        for (const task of tasks) {
          if (silent) return;
          const text = await this.#nomad.stderr(id, task).catch(() => undefined);
          // The token may not read logs, or the client is gone: then that holds for the others too.
          if (text === undefined) silent = true;
          else if (text.trim()) texts.push(tasks.length > 1 ? `[${task}]\n${text.trimEnd()}` : text.trimEnd());
        }
        if (texts.length > 0) words.set(id, texts.join('\n'));
      },
      { concurrency: CONCURRENCY },
    );
    return words;
  }

  /** Waits until any drained node changes, `ms` milliseconds at the most. */
  async changed(ms: number): Promise<void> {
    if (this.#index === undefined) return this.#options.clock.sleep(ms);
    await this.#nomad.changed(FLEET, this.#index, ms);
  }

  async #askForFleet(): Promise<void> {
    const { nodes, index } = await this.#nomad.nodes(FLEET);
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
      const node = await this.#nomad.node(known);
      return node ? this.#present(instanceId, node) : { is: 'absent', seen: true };
    }
    const nodes = await matches(this.#nomad, termination, this.#options.nodeMetaKey);
    const alive = nodes.filter(({ Status }) => Status !== 'down');
    if (alive.length > 1) return { is: 'ambiguous', nodeIds: alive.map(({ ID }) => ID) };
    const match = alive[0] ?? nodes[0];
    return match ? this.#present(instanceId, match) : { is: 'absent', seen: false };
  }

  async #present(instanceId: string, stub: NodeStub): Promise<Observation> {
    this.#nodeIds.set(instanceId, stub.ID);
    const node = toNode(stub);
    if (node.status === 'down') return { is: 'present', node };
    if (!node.drain && !this.#options.explainAll) return { is: 'present', node };
    if (node.drain?.status === 'complete') return this.#finished(instanceId, node.id);

    const observed = await this.#explain(node);
    if (!node.drain || remaining(observed, this.#options.policy).length > 0) return { is: 'present', node: observed };
    return this.#finished(instanceId, node.id);
  }

  /** The node with what runs there, and why a service is not moved away: read once a run. */
  async #explain(node: NomadNode): Promise<NomadNode> {
    let allocations = this.#explained.get(node.id);
    if (!allocations) {
      allocations = await this.#nomad.allocations(node.id, toAllocation);
      const age = this.#options.clock.now() - (node.drain?.startedAt ?? Number.POSITIVE_INFINITY);
      const held = remaining({ ...node, allocations }, this.#options.policy);
      if (age > SETTLING_MS && held.some(({ jobType }) => jobType === 'service')) {
        // It only explains: without it the run goes on.
        this.#blocked ??= this.#nomad.blockedServices().catch(() => []);
        allocations = withBlocked(allocations, await this.#blocked);
      }
      this.#explained.set(node.id, allocations);
    }
    return { ...node, allocations };
  }

  /** A node with nothing left to do, as it seems: what is on it now, and what still copies from it. */
  async #finished(instanceId: string, nodeId: string): Promise<Observation> {
    const json = await this.#nomad.node(nodeId);
    if (!json) return { is: 'absent', seen: true };
    const node = toNode(json);
    this.#nodeIds.set(instanceId, nodeId);
    if (node.status === 'down' || !node.drain) return { is: 'present', node };
    const read = await this.#nomad.allocations(nodeId, (json) => ({
      allocation: toAllocation(json),
      next: migratesDisk(json) ? json.NextAllocation : undefined,
    }));
    const copying = await this.#copying(read.flatMap(({ next }) => next || []));
    return { is: 'present', node: { ...node, allocations: read.map(({ allocation }) => allocation), copying } };
  }

  /** A replacement that is still pending copies the data of the allocation before it (recording drain-migrate-disk). */
  async #copying(ids: string[]): Promise<Allocation[]> {
    const replacements = await pMap(ids, (id) => this.#nomad.allocation(id), { concurrency: CONCURRENCY });
    return replacements
      .filter((each) => each !== undefined)
      .map(toAllocation)
      .filter(({ clientStatus }) => clientStatus === 'pending');
  }

  #unanswered(error: unknown): Observation {
    this.#options.meter.add('NomadErrors', 1);
    return { is: 'unanswered', because: messageOf(error) };
  }
}
