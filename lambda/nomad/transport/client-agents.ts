import type { EpochMs, RunClock } from '../../core/model/clock.ts';
import type { Agent, Agents } from './agents.ts';

/**
 * How long a list of clients counts, in milliseconds: after an instance has ended, its private address may become another machine's, and
 * that of another Nomad region.
 */
const LIST_LIVES_MS = 10_000;
/** How many clients are listed: where none of them answers, the next list has others. */
export const MOST_CLIENTS = 8;
/** How many clients that did not answer are remembered. */
const MOST_BAD = 256;

/** A running instance with a Nomad client. */
export interface ClientInstance {
  instanceId: string;
  /** Its private address. */
  address: string;
}

/** What is known of clients from asking them, by their instances. */
export interface Experience {
  /** The one that answered last. */
  good?: string | undefined;
  /** Those that did not answer when they were asked last. */
  bad: ReadonlySet<string>;
}

/**
 * The clients that may be asked, at most {@link MOST_CLIENTS}, the best first: as AWS says now.
 * @throws Error if AWS does not say
 */
export type ListClients = (clock: RunClock, experience?: Experience) => Promise<readonly ClientInstance[]>;

/** How clients are asked over HTTP. */
interface ClientAccess {
  scheme: 'http' | 'https';
  port: number;
}

export const urlOf = ({ address }: ClientInstance, { scheme, port }: ClientAccess): URL =>
  new URL(`${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`);

interface Listed {
  at: EpochMs;
  agents: Promise<readonly Agent[]>;
}

/**
 * The Nomad clients of the groups: each forwards to the servers what only they know. The one that answered last is asked first, those
 * that did not answer last.
 */
export class ClientAgents implements Agents {
  readonly most = MOST_CLIENTS;
  readonly #list: ListClients;
  readonly #access: ClientAccess;
  #listed: Listed | undefined;
  /** Those of the last list. */
  #known: readonly Agent[] = [];
  /** The one that answered last, by its instance. */
  #good: string | undefined;
  /** Those that did not answer when they were asked last, by their instances: the latest last. */
  readonly #bad = new Set<string>();

  constructor(list: ListClients, access: ClientAccess) {
    this.#list = list;
    this.#access = access;
  }

  async next(clock: RunClock): Promise<Agent> {
    const agents = await this.#agents(clock);
    const bad = [...this.#bad];
    const rank = ({ instanceId = '' }: Agent) => (instanceId === this.#good ? -2 : bad.indexOf(instanceId));
    const [best] = agents.toSorted((one, other) => rank(one) - rank(other));
    if (!best) throw new Error('no running instance of the groups has a Nomad client to ask');
    return best;
  }

  answered({ instanceId = '' }: Agent): void {
    this.#good = instanceId;
    this.#bad.delete(instanceId);
  }

  failed({ instanceId: failed = '' }: Agent): boolean {
    if (this.#good === failed) this.#good = undefined;
    this.#bad.delete(failed);
    this.#bad.add(failed);
    const [oldest = ''] = this.#bad;
    if (this.#bad.size > MOST_BAD) this.#bad.delete(oldest);
    return this.#known.some(({ instanceId = '' }) => !this.#bad.has(instanceId));
  }

  close(): void {
    this.#listed = undefined;
  }

  #agents(clock: RunClock): Promise<readonly Agent[]> {
    if (!this.#listed || clock.now() - this.#listed.at > LIST_LIVES_MS) {
      const listed = { at: clock.now(), agents: this.#readAgents(clock) };
      listed.agents.catch(() => {
        if (this.#listed === listed) this.#listed = undefined;
      });
      this.#listed = listed;
    }
    return this.#listed.agents;
  }

  async #readAgents(clock: RunClock): Promise<readonly Agent[]> {
    const clients = await this.#list(clock, { good: this.#good, bad: this.#bad });
    this.#known = clients.map((client) => {
      const { instanceId } = client;
      const url = urlOf(client, this.#access);
      return { url, name: `the Nomad client of ${instanceId} (${url.origin})`, instanceId };
    });
    return this.#known;
  }
}
