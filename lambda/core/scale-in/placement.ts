import type { Client, Running } from './candidate.ts';

/** What task groups ask, by `groupKey`, as far as it was read. */
export type KnownNeeds = ReadonlyMap<string, Needs>;

/** What a task group asks of a node beside CPU and memory, as far as it is looked at. */
export interface Needs {
  /** `all` is any. */
  nodePool: string;
  /** Names, or patterns with `*`. */
  datacenters: readonly string[];
  drivers: readonly string[];
  constraints: readonly Constraint[];
  /** No two allocations of its job, or of its task group, on one node. */
  distinctHosts?: 'job' | 'group';
  /** What else it asks for, which is not looked at, in words. */
  unseen: readonly string[];
  /** How many allocations it should have, and how many of them may move at a time: `migrate.max_parallel`. */
  count: number;
  maxParallel: number;
}

export interface Constraint {
  /** In Nomad's words. */
  text: string;
  allows: (client: Client) => boolean;
}

export const isInPool = ({ nodePool }: Client, needs: Needs): boolean =>
  needs.nodePool === 'all' || needs.nodePool === nodePool;

export const isInDatacenter = ({ datacenter }: Client, { datacenters }: Needs): boolean =>
  datacenters.some((pattern) => glob(pattern).test(datacenter));

const glob = (pattern: string) => new RegExp(`^${pattern.replaceAll(/[^\w*]/g, '\\$&').replaceAll('*', '.*')}$`);

/** What rules a client of its pool and datacenters out; undefined if nothing does that is looked at. */
export function ruledOut(client: Client, { job, namespace, taskGroup }: Running, needs: Needs): string | undefined {
  const { drivers, constraints, distinctHosts } = needs;
  const missing = drivers.find((driver) => !client.drivers.includes(driver));
  if (missing) return `driver ${missing} is missing on`;
  const broken = constraints.find(({ allows }) => !allows(client));
  if (broken) return `constraint ${broken.text} rules out`;
  const isTwin = (other: Running) =>
    other.job === job && other.namespace === namespace && (distinctHosts === 'job' || other.taskGroup === taskGroup);
  return distinctHosts && client.runs.some(isTwin) ? 'constraint distinct_hosts rules out' : undefined;
}

/** Why an allocation can be placed nowhere, in numbers of nodes. */
interface Unplaced {
  pool: string;
  /** Eligible nodes of the pool; unknown to Nomad 1.6, then 0. */
  inPool: number;
  /** Of these, those in a datacenter of the job. */
  inDatacenters: number;
  /** What keeps how many of these from use, such as `memory is exhausted on`. */
  reasons: readonly (readonly [what: string, nodes: number])[];
}

/** In a phrase, the same whether the scheduler has found it or we have. */
export function sayUnplaced({ pool, inPool, inDatacenters, reasons }: Unplaced): string {
  if (reasons.length === 0 && inDatacenters === 0) {
    return inPool > 0
      ? `no eligible node of pool ${pool} is in a datacenter of the job`
      : `no eligible node in pool ${pool}`;
  }
  const nodes = `of ${inDatacenters} eligible node${inDatacenters === 1 ? '' : 's'} in pool ${pool}`;
  const tally = reasons.map(([what, count]) => `${what} ${count}`);
  return tally.length > 0 ? `${nodes}, ${tally.join(', ')}` : `${nodes}, none will do`;
}
