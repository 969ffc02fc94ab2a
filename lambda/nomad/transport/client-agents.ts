import type { EpochMs, RunClock } from '../../core/model/clock.ts';
import type { Agent, Agents } from './agents.ts';

/**
 * How long a list of clients counts, in milliseconds: after an instance has ended, its private address may become another machine's, and
 * that of another Nomad region.
 */
const LIST_LIVES_MS = 10_000;
/** How many clients are listed: those of any more are not needed to get an answer. */
export const MOST_CLIENTS = 8;

/** A running instance with a Nomad client. */
export interface ClientInstance {
  instanceId: string;
  /** Its private address. */
  address: string;
}

/** The clients that may be asked, at most {@link MOST_CLIENTS}, the best first: as AWS says now. @throws Error if AWS does not say */
export type ListClients = (clock: RunClock) => Promise<readonly ClientInstance[]>;

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
  /** The one that answered last, by its URL. */
  #good: string | undefined;
  /** Those that did not answer when they were asked last, by their URLs: the latest last. */
  readonly #bad = new Set<string>();

  constructor(list: ListClients, access: ClientAccess) {
    this.#list = list;
    this.#access = access;
  }

  async next(clock: RunClock): Promise<Agent> {
    const agents = await this.#agents(clock);
    const bad = [...this.#bad];
    const rank = ({ url: { origin } }: Agent) => (origin === this.#good ? -2 : bad.indexOf(origin));
    const [best] = agents.toSorted((one, other) => rank(one) - rank(other));
    if (!best) throw new Error('no running instance of the groups has a Nomad client to ask');
    return best;
  }

  answered({ url: { origin } }: Agent): void {
    this.#good = origin;
    this.#bad.delete(origin);
  }

  failed({ url: { origin } }: Agent): void {
    if (this.#good === origin) this.#good = undefined;
    this.#bad.delete(origin);
    this.#bad.add(origin);
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
    const clients = await this.#list(clock);
    const agents = clients.map((client) => {
      const url = urlOf(client, this.#access);
      return { url, name: `the Nomad client of ${client.instanceId} (${url.origin})` };
    });
    const known = new Set(agents.map(({ url }) => url.origin));
    for (const origin of this.#bad) if (!known.has(origin)) this.#bad.delete(origin);
    return agents;
  }
}
