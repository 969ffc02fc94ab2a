import { messageOf } from '../../core/basics.ts';
import type { Allocation, TaskGroup } from '../../core/model/allocation.ts';
import type { RunClock } from '../../core/model/clock.ts';
import type { DrainOrder } from '../../core/model/decision.ts';
import { puzzlesIn } from '../../core/model/job-drain.ts';
import { type DrainRecord, type NomadNode, remaining } from '../../core/model/node.ts';
import { nodesOf, type Observation, present } from '../../core/model/observation.ts';
import type { Policy } from '../../core/model/policy.ts';
import type { Termination } from '../../core/model/termination.ts';
import type { IneligibleNode, Metrics, Nodes, Proven } from '../../core/ports.ts';
import { narrowToken, type Permissions } from '../acl.ts';
import type { NomadApi } from '../api.ts';
import { type NodeStub, ourRecord, toMeta, toNode } from '../json/node.ts';
import { DrainedNodes } from './drained-nodes.ts';
import { contradiction, findNodes, nodesNaming, nodesOfEach, notFound } from './find-nodes.ts';
import { servicesNowhere } from './outages.ts';
import { type ProofOptions, prove } from './proof.ts';
import { allocationsOf, copying, readerOf } from './read-node.ts';
import { Reasons } from './reasons.ts';
import { mayAllStopLast, whatRuns } from './running-allocations.ts';

/** AWS may have taken longer to list the waiting instances than Nomad's answer holds, in milliseconds: then Nomad is asked again. */
const FRESH_MS = 1_000;
/**
 * From this number of instances on, one query covers several of them, so that the load on Nomad grows no faster than their number. Fewer are queried
 * one by one, so that a node about which Nomad does not answer delays no other.
 */
const MANY = 64;
/**
 * What holds a draining node is read again so often at the most, in milliseconds. Nomad does not end every drain whose node is empty: not
 * where the last allocation was stopped, purged or of a sysbatch job.
 */
const EXPLAINED_MS = 20_000;

export interface ObserverOptions extends ProofOptions {
  nomad: NomadApi;
  /** The clock of the run: what is still open when it ends is unanswered. */
  clock: RunClock;
  metrics: Metrics;
  /** What a pass begins with: the whole fleet (the sweep), the nodes of one instance (its event), or nothing (notices). */
  scope: 'fleet' | { instanceId: string } | undefined;
  /** Look at every node as if its instance were to be released: for a dry run, and for notices, which need every drain's deadline. */
  thorough: boolean;
}

/**
 * The nodes of the waiting instances, for the length of one run. A first look, by a few questions for all of them, says what they wait
 * for, and may rest on what was read some seconds ago. It releases no instance: that takes a proof.
 */
export class NodeObserver implements Nodes {
  readonly #options: ObserverOptions;
  readonly #nomad: NomadApi;
  readonly #reasons: Reasons;
  /** The nodes of each instance that this run has seen. */
  readonly #nodeIds = new Map<string, Set<string>>();
  /** Draining nodes with what holds them, as this run has read them, and when. */
  readonly #read = new Map<string, { node: NomadNode; at: number }>();
  /** Nodes that something holds which no list tells, as a proof has found. */
  readonly #isHeld = new Set<string>();
  /** When this run has had drains accepted. */
  readonly #acceptedAt = new Map<string, number>();
  readonly #drained: DrainedNodes;
  /** The nodes that name each instance of which no drained node is known, as of the last refresh. */
  #named: ReadonlyMap<string, readonly NodeStub[]> = new Map();
  /** What runs on draining nodes, asked for all of them at once. Never fails. */
  #runs: Promise<ReadonlyMap<string, Allocation[]>> = Promise.resolve(new Map());
  #askedWhatRunsAt = Number.NEGATIVE_INFINITY;
  #leaderThen: Promise<string> = Promise.resolve('');
  #askedLeaderAt = Number.NEGATIVE_INFINITY;
  #permissions: Permissions | undefined;
  /** Why the words of jobs do not count, each in a sentence. */
  readonly #misunderstood = new Set<string>();
  /** Why nothing is known of any node, if the last refresh failed. */
  #failure: Extract<Observation, { is: 'unanswered' }> | undefined;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#nomad = options.nomad;
    this.#reasons = new Reasons(this.#nomad, options.clock);
    this.#drained = new DrainedNodes(this.#nomad, options.clock, options.deployment);
  }

  get permissions(): Permissions | undefined {
    return this.#permissions;
  }

  get problems(): string[] {
    if (this.#failure && !this.#options.clock.over) return [`Nomad cannot be queried: ${this.#failure.because}`];
    return [...narrowToken(this.#permissions), ...this.#misunderstood];
  }

  async refresh(asked: Promise<readonly Termination[]>): Promise<void> {
    const { clock, scope } = this.#options;
    const known = asked.catch(() => []);
    await this.#ask();
    const answeredAt = clock.now();
    const waiting = await known;
    if (clock.now() - answeredAt > FRESH_MS) await this.#ask();
    if (this.#failure) return;
    if (scope === 'fleet') {
      const ids = waiting.map(({ instanceId }) => instanceId).filter((id) => this.#known(id).length === 0);
      this.#named = ids.length >= MANY ? await nodesOfEach(this.#nomad, ids, this.#options) : new Map();
    }
    this.#runs = this.#askWhatRuns(waiting);
  }

  async observe(termination: Termination): Promise<Observation> {
    return this.#failure ?? this.#observeOne(termination).catch((error) => this.#unanswered(error));
  }

  async prove(terminations: readonly Termination[]): Promise<Map<string, Proven>> {
    const known = ({ instanceId }: Termination) => this.#nodeIds.get(instanceId) ?? [];
    const options = { ...this.#options, acceptedAt: this.#acceptedAt };
    const { permissions, seen } = await prove(this.#nomad.pinned(), terminations, known, options);
    this.#permissions = permissions ?? this.#permissions;
    for (const { instanceId, policy } of terminations) {
      const found = seen.get(instanceId);
      if (found === undefined || found instanceof Error) continue;
      for (const node of nodesOf(found)) if (isHeld(node, policy)) this.#isHeld.add(node.id);
    }
    const everyNamespace = permissions?.everyNamespace ?? false;
    return new Map(
      [...seen].map(([instanceId, found]) => [
        instanceId,
        { seen: found instanceof Error ? this.#unanswered(found) : found, seesEveryNamespace: everyNamespace },
      ]),
    );
  }

  /**
   * Asks for a drain. Does nothing if one should be started and is on already: a second request would move its
   * deadline (recording drain-twice).
   */
  async startDrain(nodeId: string, order: DrainOrder, policy: Policy, record: DrainRecord): Promise<boolean> {
    const { deployment, clock } = this.#options;
    if (order.how === 'start' && (await this.#nomad.node(nodeId))?.DrainStrategy) return false;
    const spec = {
      // In nanoseconds; a negative deadline forces the drain.
      Deadline: order.how === 'force' ? -1_000_000_000 : order.deadlineSeconds * 1_000_000_000,
      IgnoreSystemJobs: policy.ignoreSystemJobs,
    };
    const leader = await this.#leader();
    const meta = toMeta({ ...record, deployment, ...(leader && { leader }) });
    await this.#nomad.drain(nodeId, { DrainSpec: spec, MarkEligible: false, Meta: meta });
    if (order.how === 'start') this.#acceptedAt.set(nodeId, clock.now());
    this.#read.delete(nodeId);
    return true;
  }

  stop = (allocationId: string): Promise<void> => this.#nomad.stop(allocationId);

  /** Of many drains at once it is asked once. */
  #leader(): Promise<string> {
    const now = this.#options.clock.now();
    if (now - this.#askedLeaderAt > FRESH_MS) {
      this.#askedLeaderAt = now;
      this.#leaderThen = this.#nomad.leaderAtHand();
    }
    return this.#leaderThen;
  }

  runNowhere(observation: Observation): Promise<TaskGroup[]> {
    return servicesNowhere(this.#nomad, nodesOf(observation));
  }

  /** The nodes that our drains name, as of the last refresh. */
  get drainedByUs(): readonly IneligibleNode[] {
    return this.#drained.byUs;
  }

  get tellsChanges(): boolean {
    return this.#drained.tellsChanges;
  }

  changed(ms: number, { orAllocations }: { orAllocations: boolean }): Promise<void> {
    const untilOld = () => this.#askedWhatRunsAt + EXPLAINED_MS - this.#options.clock.now();
    return this.#drained.changed(ms, () => (orAllocations ? 0 : untilOld()));
  }

  /** One question after the other: a storm of events has as many connections to Nomad as there are runs. Never throws. */
  async #ask(): Promise<void> {
    const { nodeMetaKey, scope, thorough, tokenName } = this.#options;
    this.#failure = undefined;
    try {
      // The run of an event has no time for it: the proof reads them.
      if (scope === 'fleet' || (scope && thorough)) this.#permissions ??= await this.#nomad.permissions(tokenName);
      if (scope === 'fleet') await this.#drained.ask();
      else if (scope) {
        const nodes = await nodesNaming(this.#nomad, [scope.instanceId], nodeMetaKey);
        this.#named = new Map([[scope.instanceId, nodes]]);
      }
    } catch (error) {
      this.#failure = this.#unanswered(error);
    }
  }

  /** Asked for all at once; what that does not tell is read node by node. */
  async #askWhatRuns(waiting: readonly Termination[]): Promise<ReadonlyMap<string, Allocation[]>> {
    const unread = waiting
      .flatMap(({ instanceId }) => this.#known(instanceId))
      .filter((stub) => !this.#isHeld.has(stub.ID) && !this.#kept(stub) && !this.#needsDeadline(stub))
      .map(({ ID }) => ID);
    if (unread.length === 0) return new Map();
    this.#askedWhatRunsAt = this.#options.clock.now();
    return whatRuns(this.#nomad, unread).catch(() => new Map());
  }

  /** Of drained nodes the fleet's answers say enough: the proof finds out what else there is. */
  async #observeOne(termination: Termination): Promise<Observation> {
    const { instanceId, policy } = termination;
    const known = this.#options.thorough ? [] : this.#known(instanceId);
    if (known.length > 0) return present(await this.#lookAt(known, policy));
    const found = await findNodes(this.#nomad, termination, this.#options.nodeMetaKey, {
      named: this.#named.get(instanceId),
    });
    if (!('nodes' in found)) return notFound(found);

    const before = this.#nodeIds.get(instanceId) ?? new Set();
    const stubs = new Map(found.nodes.map((node) => [node.ID, node]));
    // A node that was found by its address is not found that way again once it is down.
    for (const id of before) {
      const node = stubs.has(id) ? undefined : await this.#nomad.node(id);
      if (node) stubs.set(id, node);
    }
    if (stubs.size === 0) return { is: 'absent', seen: before.size > 0 };
    this.#nodeIds.set(instanceId, new Set(stubs.keys()));
    return present(await this.#lookAt([...stubs.values()], policy));
  }

  /** The drained nodes of an instance: those whose drain record names it, and those that this run has found. */
  #known(instanceId: string): NodeStub[] {
    const ids = [...(this.#nodeIds.get(instanceId) ?? [])];
    return [
      ...new Set([...ids.flatMap((id) => this.#drained.node(id) ?? []), ...this.#drained.ofInstance(instanceId)]),
    ];
  }

  async #lookAt(stubs: readonly NodeStub[], policy: Policy): Promise<NomadNode[]> {
    const nodes: NomadNode[] = [];
    for (const stub of stubs) nodes.push(await this.#look(stub, policy));
    return nodes;
  }

  #isOld(time: number): boolean {
    return this.#options.clock.now() - time >= EXPLAINED_MS;
  }

  /** A draining node as it was read some seconds ago. */
  #kept({ ID, Status, LastDrain }: NodeStub): NomadNode | undefined {
    const read = this.#read.get(ID);
    return LastDrain?.Status === 'draining' && read?.node.status === Status && !this.#isOld(read.at)
      ? read.node
      : undefined;
  }

  /** The node with what holds it, why a service is not moved away, and where needed the deadline of its drain. */
  async #look(stub: NodeStub, policy: Policy): Promise<NomadNode> {
    const { thorough, clock, seenAllocations } = this.#options;
    const needsDeadline = this.#needsDeadline(stub);
    const kept = this.#kept(stub);
    if (kept && (!needsDeadline || kept.drain?.deadlineAt !== undefined)) return kept;

    const json = thorough || needsDeadline ? await this.#nomad.node(stub.ID) : stub;
    if (!json) throw contradiction(stub);
    const node = toNode(json, readerOf(this.#nomad, this.#options));
    // What jobs say of themselves counts from the beginning of the drain.
    if (!node.drain && node.status !== 'down' && !thorough && !policy.jobMeta) return node;
    const isDraining = node.drain?.status === 'draining';
    const listed = needsDeadline ? undefined : (await this.#runs).get(node.id);
    // Of those that this environment has seen with their jobs it knows how long they take to stop, should Nomad forget them.
    // What jobs say of drains is read anew.
    const maySuffice = listed && !policy.jobMeta && !mayAllStopLast(listed);
    const known = maySuffice ? seenAllocations.withTheirJobs(node.id, listed) : undefined;
    const read = known ? { allocations: known } : await allocationsOf(this.#nomad, node, policy, this.#options);
    for (const because of puzzlesIn(read.allocations)) this.#misunderstood.add(because);
    const looked = {
      ...node,
      ...read,
      allocations: await this.#reasons.add(node, read.allocations, policy),
      ...(!isDraining && !known && { copying: await copying(this.#nomad, read.allocations) }),
    };
    if (isDraining && remaining(looked, policy).length > 0) this.#read.set(node.id, { node: looked, at: clock.now() });
    return looked;
  }

  /** Only the node itself has the drain's deadline: read if the drain is not ours, or is past the deadline that we gave it. */
  #needsDeadline(stub: NodeStub): boolean {
    if (stub.LastDrain?.Status !== 'draining') return false;
    const deadlineAt = ourRecord(stub, this.#options.deployment)?.deadlineAt;
    return deadlineAt === undefined || this.#options.clock.now() >= deadlineAt;
  }

  #unanswered(error: unknown): Extract<Observation, { is: 'unanswered' }> {
    // That a run has ended says nothing of Nomad.
    if (!this.#options.clock.over) this.#options.metrics.add('NomadErrors', 1);
    return { is: 'unanswered', because: messageOf(error) };
  }
}

const isHeld = (node: NomadNode, policy: Policy) => remaining(node, policy).length + (node.copying?.length ?? 0) > 0;
