import pMap from 'p-map';
import type { Allocation } from '../core/allocation.ts';
import type { RunClock } from '../core/clock.ts';
import type { DrainOrder } from '../core/decision.ts';
import { messageOf } from '../core/message-of.ts';
import { type DrainRecord, type NomadNode, remaining } from '../core/node.ts';
import type { Observation } from '../core/observation.ts';
import type { Policy } from '../core/policy.ts';
import type { Meter, Nodes, TakenNode } from '../core/ports.ts';
import type { Termination } from '../core/termination.ts';
import type { Permissions } from './acl.ts';
import type { NomadApi } from './api.ts';
import { DrainedNodes } from './drained-nodes.ts';
import { isCopying, type NodeStub, toAllocation, toMeta, toNode, toRecord } from './json.ts';
import { matches, nodesNaming } from './matches.ts';
import { Reasons } from './reasons.ts';
import { mayAllStopLast, whatRuns } from './what-runs.ts';

/** Replacements of one node looked up at once. */
const CONCURRENCY = 8;
/** AWS may have taken longer to say who waits than Nomad's answer holds, in milliseconds: then Nomad is asked again. */
const FRESH_MS = 1_000;

export interface FleetOptions {
  nomad: NomadApi;
  /** The clock of the run: what is still open when it ends is unanswered. */
  clock: RunClock;
  meter: Meter;
  /** What the token may do. Called in every pass: the caller remembers the answer. */
  permissions: () => Promise<Permissions>;
  policy: Policy;
  /** A key of the node's own Meta that holds the instance id, for clients that do not fingerprint EC2. */
  nodeMetaKey?: string | undefined;
  /** What a pass begins with: the whole fleet (the sweep), the nodes of one instance (its event), or nothing (notices). */
  scope: 'fleet' | { instanceId: string } | undefined;
  /** Also read what runs on nodes that do not drain yet, for a dry run. */
  explainAll: boolean;
  /** Read the deadline of every drain that is on, whoever set it: a notice may shorten it. */
  readDeadlines?: boolean;
}

/** The nodes of the waiting instances, for the length of one run. */
export class Fleet implements Nodes {
  readonly #options: FleetOptions;
  readonly #nomad: NomadApi;
  readonly #reasons: Reasons;
  /** The nodes of each instance that this run has seen. */
  readonly #nodeIds = new Map<string, Set<string>>();
  /** What nodes wait for, read to explain it: once a run, and again if a node goes down or comes back. */
  readonly #explained = new Map<string, NomadNode>();
  readonly #drained: DrainedNodes;
  #scope: FleetOptions['scope'];
  /** The nodes that name the one instance of the run, as of the last refresh. */
  #named: readonly NodeStub[] | undefined;
  /** What runs on the draining nodes of waiting instances that this run has yet to explain. Never fails. */
  #runs: Promise<ReadonlyMap<string, Allocation[]>> = NO_RUNS;
  #permissions: Permissions | undefined;
  /** Why nothing is known of any node, if the last refresh failed. */
  #failure: Observation | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#nomad = options.nomad;
    this.#reasons = new Reasons(this.#nomad, options.policy, options.clock);
    this.#scope = options.scope;
    this.#drained = new DrainedNodes(this.#nomad, options.clock);
  }

  get permissions(): Permissions | undefined {
    return this.#permissions;
  }

  async refresh(asked: Promise<readonly Termination[]>): Promise<void> {
    const { clock } = this.#options;
    const known = asked.catch(() => []);
    await this.#ask();
    const answeredAt = clock.now();
    const waiting = await known;
    if (clock.now() - answeredAt > FRESH_MS) await this.#ask();
    this.#runs = this.#failure ? NO_RUNS : this.#askWhatRuns(waiting);
  }

  async observe(termination: Termination): Promise<Observation> {
    return this.#failure ?? this.#observeOne(termination).catch((error) => this.#unanswered(error));
  }

  /**
   * Asks for a drain. Does nothing if one should be started and is on already: a second request would move its
   * deadline (recording drain-twice).
   */
  async startDrain(nodeId: string, order: DrainOrder, record: DrainRecord): Promise<boolean> {
    if (order.how === 'start' && (await this.#nomad.node(nodeId))?.DrainStrategy) return false;
    const spec = {
      // In nanoseconds; a negative deadline forces the drain.
      Deadline: order.how === 'force' ? -1_000_000_000 : order.deadlineSeconds * 1_000_000_000,
      IgnoreSystemJobs: this.#options.policy.ignoreSystemJobs,
    };
    await this.#nomad.drain(nodeId, { DrainSpec: spec, MarkEligible: false, Meta: toMeta(record) });
    this.#explained.delete(nodeId);
    return true;
  }

  /** The nodes that our drains name, as of the last refresh. */
  get drainedByUs(): readonly TakenNode[] {
    return this.#drained.byUs;
  }

  /** Of these, those whose instances wait for our hook, as far as Nomad has told. */
  get drainsForWaits(): readonly TakenNode[] {
    return this.#drained.forWaits;
  }

  async watchFleet(): Promise<boolean> {
    this.#scope = 'fleet';
    this.#named = undefined;
    const answered = await this.#drained.askAhead().then(
      () => true,
      () => false,
    );
    return answered && this.tellsChanges;
  }

  get tellsChanges(): boolean {
    return this.#drained.tellsChanges;
  }

  changed(ms: number, { orAllocations }: { orAllocations: boolean }): Promise<void> {
    return this.#drained.changed(ms, orAllocations);
  }

  /** One question after the other: a storm of events has as many connections to Nomad as there are runs. Never throws. */
  async #ask(): Promise<void> {
    const { permissions, nodeMetaKey } = this.#options;
    const scope = this.#scope;
    this.#failure = undefined;
    this.#permissions = undefined;
    try {
      this.#permissions = await permissions();
      if (scope === 'fleet') await this.#drained.ask();
      else if (scope) this.#named = await nodesNaming(this.#nomad, [scope.instanceId], nodeMetaKey);
    } catch (error) {
      this.#failure = this.#unanswered(error);
    }
  }

  /** Asked for all at once; what that does not tell is read node by node. */
  async #askWhatRuns(waiting: readonly Termination[]): Promise<ReadonlyMap<string, Allocation[]>> {
    const unexplained = waiting
      .flatMap(({ instanceId }) => this.#known(instanceId))
      .filter((stub) => stub.LastDrain?.Status === 'draining' && !this.#needsDeadline(stub))
      .filter(({ ID, Status }) => this.#explained.get(ID)?.status !== Status);
    if (unexplained.length === 0 || this.#options.explainAll) return new Map();
    return whatRuns(
      this.#nomad,
      unexplained.map(({ ID }) => ID),
    ).catch(() => new Map());
  }

  /**
   * While a node of the instance drains, the fleet's answer says enough. Before a drain is started, and before the instance is
   * released, all nodes of the instance are looked up: its agent may have come back under a new id.
   */
  async #observeOne(termination: Termination): Promise<Observation> {
    const { instanceId } = termination;
    const draining = this.#known(instanceId).filter(({ LastDrain }) => LastDrain?.Status === 'draining');
    for (const stub of this.#options.explainAll ? [] : draining) {
      const node = await this.#explain(stub);
      if (node && this.#isHeld(node)) return present(await this.#inDetail(draining));
    }
    return this.#lookUpAll(termination);
  }

  async #lookUpAll(termination: Termination): Promise<Observation> {
    const { instanceId } = termination;
    const found = await matches(this.#nomad, termination, this.#options.nodeMetaKey, this.#named);
    if ('unknown' in found) return { is: 'unanswered', because: found.unknown };
    if ('mayBe' in found) return { is: 'ambiguous', nodeIds: found.mayBe.map(({ ID }) => ID) };

    const before = this.#nodeIds.get(instanceId) ?? new Set();
    const stubs = new Map(found.nodes.map((node) => [node.ID, node]));
    // A node that was found by its address is not found that way again once it is down.
    for (const id of before) {
      const node = stubs.has(id) ? undefined : await this.#nomad.node(id);
      if (node) stubs.set(id, node);
    }
    if (stubs.size === 0) return { is: 'absent', seen: before.size > 0 };
    this.#nodeIds.set(instanceId, new Set(stubs.keys()));
    return present(await this.#inDetail([...stubs.values()]));
  }

  /** The drained nodes of an instance: those whose drain record names it, and those that this run has found. */
  #known(instanceId: string): NodeStub[] {
    const ids = [...(this.#nodeIds.get(instanceId) ?? [])];
    return [
      ...new Set([...ids.flatMap((id) => this.#drained.node(id) ?? []), ...this.#drained.ofInstance(instanceId)]),
    ];
  }

  async #inDetail(stubs: readonly NodeStub[]): Promise<NomadNode[]> {
    const nodes: NomadNode[] = [];
    for (const stub of stubs) nodes.push(...(await this.#detail(stub)));
    return nodes;
  }

  /** A node with all that its decision needs; none if it has been purged meanwhile. */
  async #detail(stub: NodeStub): Promise<NomadNode[]> {
    const node = toNode(stub);
    if (!node.drain && node.status !== 'down' && !this.#options.explainAll) return [node];
    if (node.drain?.status !== 'complete') {
      const explained = await this.#explain(stub);
      if (!explained || !node.drain || this.#isHeld(explained)) return explained ? [explained] : [];
    }
    return this.#finished(stub.ID);
  }

  #isHeld(node: NomadNode): boolean {
    return remaining(node, this.#options.policy).length > 0;
  }

  /** The node with what runs there, why a service is not moved away, and the drain's deadline: read once a run. */
  async #explain(stub: NodeStub): Promise<NomadNode | undefined> {
    const kept = this.#explained.get(stub.ID);
    const needsDeadline = this.#needsDeadline(stub);
    if (kept?.status === stub.Status && (!needsDeadline || kept.drain?.deadlineAt !== undefined)) return kept;
    const json = needsDeadline ? await this.#nomad.node(stub.ID) : stub;
    if (!json) return undefined;
    const node = toNode(json);
    const listed = needsDeadline ? undefined : (await this.#runs).get(node.id);
    const allocations =
      listed && !mayAllStopLast(listed) ? listed : await this.#nomad.allocations(node.id, toAllocation);
    const explained = { ...node, allocations: await this.#reasons.add(node, allocations) };
    this.#explained.set(node.id, explained);
    return explained;
  }

  /** Only the node itself has the drain's deadline: read if the drain is not ours, or is past the deadline that we gave it. */
  #needsDeadline({ LastDrain }: NodeStub): boolean {
    if (LastDrain?.Status !== 'draining') return false;
    if (this.#options.readDeadlines) return true;
    const deadlineAt = toRecord(LastDrain.Meta)?.deadlineAt;
    return deadlineAt === undefined || this.#options.clock.now() >= deadlineAt;
  }

  /** A node that seems to be done: what is on it now, and what still copies from it. */
  async #finished(nodeId: string): Promise<NomadNode[]> {
    const json = await this.#nomad.node(nodeId);
    if (!json) return [];
    const allocations = await this.#nomad.allocations(nodeId, toAllocation);
    return [{ ...toNode(json), allocations, copying: await this.#copying(allocations) }];
  }

  /** Replacements that copy the data of the allocations before them (recording drain-migrate-disk). */
  async #copying(allocations: readonly Allocation[]): Promise<Allocation[]> {
    const replacementIds = allocations.flatMap(({ diskGoesTo }) => diskGoesTo ?? []);
    const replacements = await pMap(replacementIds, (id) => this.#nomad.allocation(id), { concurrency: CONCURRENCY });
    return replacements.flatMap((each) => (each && isCopying(each) ? [toAllocation(each)] : []));
  }

  #unanswered(error: unknown): Observation {
    // That a run has ended says nothing of Nomad.
    if (!this.#options.clock.over) this.#options.meter.add('NomadErrors', 1);
    return { is: 'unanswered', because: messageOf(error) };
  }
}

const NO_RUNS: Promise<ReadonlyMap<string, Allocation[]>> = Promise.resolve(new Map());

/** Those that are not down come first, and of these the one that drains. */
function present(nodes: readonly NomadNode[]): Observation {
  const rank = ({ status, drain }: NomadNode) => (status === 'down' ? 2 : drain ? 0 : 1);
  const [first, ...rest] = nodes.toSorted((one, other) => rank(one) - rank(other));
  return first ? { is: 'present', nodes: [first, ...rest] } : { is: 'absent', seen: true };
}
