import type { RunClock } from '../core/model/clock.ts';
import { NomadError } from '../errors.ts';
import { type Permissions, readPermissions } from './acl.ts';
import { skewOf } from './clock-skew.ts';
import type { AllocationInList, AllocationJson, AllocationStub } from './json/allocation.ts';
import type { BlockedEvaluation, PendingEvaluation, WaitingEvaluation } from './json/evaluation.ts';
import type { JobJson } from './json/job.ts';
import type { MembersJson, NodeInList, NodeJson, NodeStub } from './json/node.ts';
import { accepted, isMissing, led, notTaken } from './led.ts';
import { type Ask, type NomadRequest, type NomadResponse, part, type Transport } from './transport/transport.ts';

/** The last of a task's log that is read, in bytes. */
const LOG_BYTES = 2_000;
/** How long a log may take, in milliseconds: its client may be about to stop. */
const LOG_TIMEOUT_MS = 2_000;
/** What the answer to a blocking query may take beyond its wait, in milliseconds. */
const SLACK_MS = 250;
/** What is left of a wait is slept, not asked, in milliseconds. */
const SHORTEST_WAIT_MS = 500;
/** When the next look comes after a blocking query that fails, in milliseconds from its beginning. */
const AFTER_FAILURE_MS = 5_000;

/** Nodes that match a filter, and the index for a blocking query on them where Nomad is asked such. */
export interface NodesAnswer {
  nodes: NodeStub[];
  index?: string;
}

/** The body of a drain request. */
export interface DrainRequest {
  DrainSpec: { Deadline: number; IgnoreSystemJobs: boolean } | null;
  MarkEligible: boolean;
  Meta: Record<string, string>;
}

/** Nomad's API, as far as we use it, for the length of one run: what is still open when it ends is unanswered. */
export class NomadApi {
  readonly #transport: Transport;
  readonly #ask: Ask;
  readonly #clock: RunClock;
  #skewMs: number | undefined;

  /** @param clock the clock of the run */
  constructor(transport: Transport, clock: RunClock) {
    this.#transport = transport;
    this.#clock = clock;
    this.#ask = async (question) => {
      const answer = await transport.ask(question, clock);
      this.#skewMs = skewOf(answer.headers.at, clock.now());
      return answer;
    };
  }

  /** How far Nomad's clock is ahead of ours, by the last answer, in milliseconds; undefined where it did not say its time. */
  get skewMs(): number | undefined {
    return this.#skewMs;
  }

  /** Whether {@link changed} is answered when something changes. */
  get blocks(): boolean {
    return this.#transport.blocks;
  }

  /** The same API, asked of one server or client alone where several have tokens of their own. */
  pinned(): NomadApi {
    return new NomadApi(this.#transport.pinned?.() ?? this.#transport, this.#clock);
  }

  /** What the token may see and do, read now. @throws Error if Nomad does not say, or refuses the token */
  permissions(tokenName: string): Promise<Permissions> {
    return readPermissions(this.#ask, tokenName, this.#clock.now());
  }

  async nodes(filter: string): Promise<NodesAnswer> {
    const { items, index } = await this.#pages<NodeStub>('/v1/nodes', { filter });
    return this.#toNodes(items, index);
  }

  /** Every node, with its resources: a node of a list names no instance. */
  listNodes<T>(translate: (json: NodeInList) => T): Promise<T[]> {
    return this.#each('/v1/nodes', { resources: 'true' }, (node) => translate(node as NodeInList));
  }

  /** Whether any node matches a filter. */
  async hasNode(filter: string): Promise<boolean> {
    return (await this.#each('/v1/nodes', { filter, per_page: '1' }, () => true)).length > 0;
  }

  /** The ids of the nodes that match a filter. */
  nodeIds(filter: string): Promise<string[]> {
    return this.#each('/v1/nodes', { filter }, (node) => (node as NodeStub).ID);
  }

  /** The allocations that match a filter, of all namespaces if none is given, with resources, without their jobs; `per_page` limits how many. */
  listAllocations<T>(
    filter: string,
    more: { namespace?: string; reverse?: string; per_page?: string; resources?: 'false' },
    translate: (json: AllocationInList) => T,
  ): Promise<T[]> {
    const query = { namespace: '*', resources: 'true', task_states: 'false', filter, ...more };
    return this.#each('/v1/allocations', query, (allocation) => translate(allocation as AllocationInList));
  }

  /** The names of the namespaces that the token sees. */
  async namespaces(): Promise<string[]> {
    return this.#each('/v1/namespaces', {}, (namespace) => (namespace as { Name: string }).Name);
  }

  node(id: string): Promise<NodeJson | undefined> {
    return found<NodeJson>(this.#query({ path: `/v1/node/${id}` }), 'node not found');
  }

  /**
   * The allocations of a node, ended ones included: each with its whole job, so that those of a busy node do not fit in memory.
   * @param translate is called with each; only its result is kept, and must not refer to anything large
   */
  async allocations<T>(nodeId: string, translate: (json: AllocationJson) => T): Promise<T[]> {
    const path = `/v1/node/${nodeId}/allocations`;
    return this.#each(path, {}, (element) => translate(element as AllocationJson));
  }

  /** The ids of the allocations that begin so, in all namespaces that the token may read. @param prefix has whole bytes */
  allocationIds(prefix: string): Promise<string[]> {
    const query = { namespace: '*', prefix, task_states: 'false' };
    return this.#each('/v1/allocations', query, (allocation) => (allocation as AllocationInList).ID);
  }

  allocation(id: string): Promise<AllocationJson | undefined> {
    return found<AllocationJson>(this.#query({ path: `/v1/allocation/${id}` }), 'alloc not found');
  }

  /** The address of the leader; empty if there is none. */
  async leader(): Promise<string> {
    return (await this.#ask({ method: 'GET', path: '/v1/status/leader' })).body as string;
  }

  /** The address of the leader for a comparison; empty where it is not known. Through SSM each question takes seconds: it is not asked. */
  async leaderAtHand(): Promise<string> {
    return this.blocks ? this.leader().catch(() => '') : '';
  }

  /** The servers of a region, by default that of the agent that answers: it knows those of every region. */
  async servers(region?: string): Promise<{ name: string; status: string; version: string }[]> {
    const { Members, ServerRegion } = (await this.#ask({ method: 'GET', path: '/v1/agent/members' }))
      .body as MembersJson;
    return Members.filter(({ Tags }) => Tags.region === (region ?? ServerRegion)).map(({ Name, Status, Tags }) => ({
      name: Name,
      status: Status,
      version: Tags.build ?? 'unknown',
    }));
  }

  /** Evaluations that wait: for room, for their time, or to be processed. */
  async waitingEvaluations(namespace: string): Promise<WaitingEvaluation[]> {
    const query = { namespace, filter: 'Status == "blocked" or Status == "pending"' };
    return (await this.#pages<WaitingEvaluation>('/v1/evaluations', query)).items;
  }

  /** Evaluations that are not done, in all namespaces that the token may read. */
  async pendingEvaluations(): Promise<PendingEvaluation[]> {
    const query = { namespace: '*', filter: 'Status == "pending"' };
    return (await this.#pages<PendingEvaluation>('/v1/evaluations', query)).items;
  }

  /** Evaluations of services that wait for room, in all namespaces that the token may read. */
  async blockedServices(): Promise<BlockedEvaluation[]> {
    const query = { namespace: '*', filter: 'Status == "blocked" and Type == "service"' };
    return (await this.#pages<BlockedEvaluation>('/v1/evaluations', query)).items;
  }

  /** A job as it was registered last; undefined if there is none. */
  job(id: string, namespace: string): Promise<JobJson | undefined> {
    const path = `/v1/job/${part(id)}`;
    return found<JobJson>(this.#query({ path, query: { namespace } }), 'job not found');
  }

  /** The allocations of one job, wherever they are. */
  async jobAllocations(job: string, namespace: string): Promise<AllocationStub[]> {
    const path = `/v1/job/${part(job)}/allocations`;
    return listIn(await this.#query({ path, query: { namespace } }), path);
  }

  /** The end of what a task has written to its stderr. */
  async stderr(allocationId: string, task: string): Promise<string> {
    const tail = { type: 'stderr', plain: 'true', origin: 'end', offset: String(LOG_BYTES) };
    const answer = await this.#ask({
      method: 'GET',
      path: `/v1/client/fs/logs/${allocationId}`,
      query: { task, ...tail },
      timeoutMs: LOG_TIMEOUT_MS,
      text: true,
    });
    return answer.body as string;
  }

  /** The end of what a task has written, as Nomad's frames: JSON objects one behind the other. */
  async logFrames(allocationId: string, task: string, type: 'stderr' | 'stdout', bytes: number): Promise<string> {
    const path = `/v1/client/fs/logs/${allocationId}`;
    const query = { task, type, origin: 'end', offset: String(bytes) };
    return (await this.#ask({ method: 'GET', path, query, text: true })).body as string;
  }

  async drain(nodeId: string, body: DrainRequest): Promise<void> {
    await this.#order({ path: `/v1/node/${nodeId}/drain`, body });
  }

  /** Stops an allocation as a drain would: its replacement, if its job wants one, runs elsewhere. */
  stop = (allocationId: string): Promise<void> => this.#order({ path: `/v1/allocation/${allocationId}/stop` });

  async setEligibility(nodeId: string, eligibility: 'eligible' | 'ineligible'): Promise<void> {
    const path = `/v1/node/${nodeId}/eligibility`;
    const answer = await this.#ask({ method: 'POST', path, body: { Eligibility: eligibility } });
    // Where nothing had to change, a leader answers with an index of 0 too.
    if (answer.headers.index === '0' && (await this.node(nodeId))?.SchedulingEligibility !== eligibility)
      accepted(answer, path);
  }

  /** Changes the dynamic metadata of a node, by way of its client; null removes a key. @throws NomadError also if its client has not heard it */
  async setNodeMeta(nodeId: string, meta: Record<string, string | null>): Promise<void> {
    const [path, query] = ['/v1/client/metadata', { node_id: nodeId }];
    const answer = await this.#ask({ method: 'POST', path, query, body: { NodeID: nodeId, Meta: meta } });
    if ((answer.body as { Meta?: object | null }).Meta === null) throw notTaken(path);
  }

  /** Removes a node, and all that Nomad knows of it. */
  async purge(nodeId: string): Promise<void> {
    await this.#order({ path: `/v1/node/${nodeId}/purge` });
  }

  /**
   * Waits until Nomad's index of nodes is past this one, at most `ms` milliseconds.
   * @returns the nodes as they are then, or still are; undefined after a query that failed, or was not answered
   */
  async changed(filter: string, index: string, ms: number): Promise<NodesAnswer | undefined> {
    if (ms < SHORTEST_WAIT_MS) {
      await this.#clock.sleep(ms);
      return undefined;
    }
    const asked = this.#clock.now();
    // Nomad answers after wait and up to a sixteenth of it more (recording blocking).
    const query = { filter, index, wait: `${Math.floor(((ms - SLACK_MS) * 16) / 17)}ms` };
    const question: NomadRequest = { method: 'GET', path: '/v1/nodes', query, timeoutMs: ms };
    try {
      // Not tried again for longer than that.
      const answer = led(await this.#transport.ask(question, this.#clock.atMost(ms)), question.path);
      return this.#toNodes(listIn(answer, question.path), answer.headers.index);
    } catch {
      // After a quick failure a moment all the same; a late one has waited long enough.
      const since = this.#clock.now() - asked;
      await this.#clock.sleep(Math.max(0, Math.min(ms, AFTER_FAILURE_MS) - since));
      return undefined;
    }
  }

  async #each<T>(path: string, query: Record<string, string>, each: (element: unknown) => T): Promise<T[]> {
    return listIn(await this.#query({ path, query, each }), path);
  }

  /** @throws NomadError also if no leader has carried it out */
  async #order(question: Omit<NomadRequest, 'method'>): Promise<void> {
    accepted(await this.#ask({ method: 'POST', ...question }), question.path);
  }

  /** A query whose answer counts only from an agent that knows a leader. @throws NomadError also if the agent knows none */
  async #query(question: Omit<NomadRequest, 'method'>): Promise<NomadResponse> {
    return led(await this.#ask({ method: 'GET', ...question }), question.path);
  }

  #toNodes(nodes: NodeStub[], index: string | undefined): NodesAnswer {
    return { nodes, ...(this.blocks && index && { index }) };
  }

  async #pages<T>(path: string, query: Record<string, string>): Promise<{ items: T[]; index?: string }> {
    const items: T[] = [];
    for (let nextToken = ''; ; ) {
      const page = { ...query, ...(nextToken && { next_token: nextToken }) };
      const answer = await this.#query({ path, query: page });
      items.push(...listIn<T>(answer, path));
      if (!answer.nextToken) return { items, ...(answer.headers.index && { index: answer.headers.index }) };
      nextToken = answer.nextToken;
    }
  }
}

/** What was asked for, or undefined if Nomad itself says in these words that it does not exist. */
async function found<T>(asked: Promise<NomadResponse>, missing: string): Promise<T | undefined> {
  try {
    return (await asked).body as T;
  } catch (error) {
    if (error instanceof NomadError && isMissing(error, missing)) return undefined;
    throw error;
  }
}

/** A list of objects; Nomad says `[]` for an empty one. @throws NomadError if it is something else */
function listIn<T>({ body }: NomadResponse, path: string): T[] {
  if (Array.isArray(body) && !body.includes(null)) return body as T[];
  throw new NomadError({ method: 'GET', path, address: 'its address' }, 0, 'its answer is not a list');
}
