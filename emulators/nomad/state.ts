import { createHash } from 'node:crypto';
import type { Timeline } from '../clock.ts';
import { rfc3339 } from './go-values.ts';
import type { Allocation, Job, Namespace, Node, NodeEvent } from './model.ts';
import type { Evaluation } from './scheduler/evaluation.ts';
import type { Version } from './version.ts';

type Table = 'nodes' | 'allocs' | 'jobs' | 'evals' | 'namespaces' | 'acl_policy' | 'acl_token' | 'acl_roles';

/** What the servers know. Every change is committed at an index, and blocking queries are answered on a change. */
export class State {
  readonly clock: Timeline;
  readonly version: Version;
  readonly nodes = new Map<string, Node>();
  readonly allocations = new Map<string, Allocation>();
  readonly jobs = new Map<string, Job>();
  readonly evaluations = new Map<string, Evaluation>();
  readonly namespaces = new Map<string, Namespace>();
  readonly #tables = new Map<Table, number>();
  readonly #byNode = new Map<string, Set<Allocation>>();
  readonly #byJob = new Map<string, Set<Allocation>>();
  readonly #listeners = new Set<(tables: Table[]) => void>();
  /** How far the clocks of this Nomad, its clients' too, are ahead of the true time. */
  clockSkewMs = 0;
  #index = 7;
  #ids = 0;

  constructor(clock: Timeline, version: Version) {
    this.clock = clock;
    this.version = version;
    this.namespaces.set('default', namespace('default', 'Default shared namespace', 1));
    this.#tables.set('namespaces', 1);
  }

  /** The index of the next change to these tables: write it into what changed, then call `commit`. */
  next(): number {
    this.#index += 1;
    return this.#index;
  }

  commit(index: number, ...tables: Table[]): void {
    for (const table of tables) this.#tables.set(table, Math.max(index, this.#tables.get(table) ?? 0));
    for (const listener of [...this.#listeners]) listener(tables);
  }

  /** Zero where nothing was ever written: a leader answers so too. */
  indexOf(table: Table): number {
    return this.#tables.get(table) ?? 0;
  }

  onCommit(listener: (tables: Table[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ids are random in Nomad; here the same run gives the same ids, so that a failing test fails again. */
  id(): string {
    this.#ids += 1;
    const hex = createHash('sha256').update(`nomad ${this.#ids}`).digest('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
  }

  /** What its clocks say, and all that it writes down. Its timers run by the true time. */
  now(): number {
    return this.clock.now() + this.clockSkewMs;
  }

  nanos(): number {
    return this.now() * 1e6;
  }

  timestamp(): string {
    return rfc3339(this.now());
  }

  job(namespace: string, id: string): Job | undefined {
    return this.jobs.get(jobKey(namespace, id));
  }

  putJob(job: Job): void {
    this.jobs.set(jobKey(job.Namespace, job.ID), job);
  }

  addAllocation(allocation: Allocation): void {
    this.allocations.set(allocation.ID, allocation);
    put(this.#byNode, allocation.NodeID, allocation);
    put(this.#byJob, jobKey(allocation.Namespace, allocation.JobID), allocation);
  }

  /** The servers forget them, whatever runs on their clients. */
  removeAllocations(gone: Allocation[], index: number): void {
    if (gone.length === 0) return;
    for (const allocation of gone) {
      this.allocations.delete(allocation.ID);
      this.#byNode.get(allocation.NodeID)?.delete(allocation);
      this.#byJob.get(jobKey(allocation.Namespace, allocation.JobID))?.delete(allocation);
    }
    this.commit(index, 'allocs');
  }

  removeJob({ Namespace, ID }: Job, index: number): void {
    this.jobs.delete(jobKey(Namespace, ID));
    this.commit(index, 'jobs');
  }

  allocationsOn(nodeId: string): Allocation[] {
    return [...(this.#byNode.get(nodeId) ?? [])].sort(byId);
  }

  allocationsOf(namespace: string, jobId: string): Allocation[] {
    return [...(this.#byJob.get(jobKey(namespace, jobId)) ?? [])].sort(byId);
  }

  /** Nomad keeps the last ten events of a node. */
  addEvent(node: Node, index: number, event: Pick<NodeEvent, 'Subsystem' | 'Message'> & Partial<NodeEvent>): void {
    node.Events.push({ Details: null, Timestamp: this.timestamp(), CreateIndex: index, ...event });
    node.Events.splice(0, Math.max(0, node.Events.length - 10));
  }
}

export const namespace = (Name: string, Description: string, index: number): Namespace => ({
  Capabilities: null,
  ConsulConfiguration: null,
  Description,
  Hash: createHash('sha256').update(Name).digest('base64'),
  Meta: null,
  Name,
  NodePoolConfiguration: null,
  OptionalExtraClaims: null,
  Quota: '',
  RequiredExtraClaims: null,
  VaultConfiguration: null,
  CreateIndex: index,
  ModifyIndex: index,
});

const jobKey = (namespace: string, id: string) => `${namespace}\0${id}`;

const byId = (a: { ID: string }, b: { ID: string }) => (a.ID < b.ID ? -1 : 1);

const put = <T>(map: Map<string, Set<T>>, key: string, value: T) => {
  const set = map.get(key);
  if (set) set.add(value);
  else map.set(key, new Set([value]));
};
