import type { RunClock } from '../../core/model/clock.ts';

/** A Nomad agent that answers over HTTP, or what stands before several. */
export interface Agent {
  url: URL;
  /** What an operator calls it. */
  name: string;
  /** The instance that it runs on, where it is a client's. */
  instanceId?: string;
}

/** The agents that may be asked, and which is asked next. */
export interface Agents {
  /** How many there are, at most: where there are several, another is asked for one that does not answer. */
  readonly most: number;
  /** The one to ask next. @throws Error if it is not known whom to ask */
  next(clock: RunClock): Promise<Agent>;
  answered(agent: Agent): void;
  /**
   * It did not answer, or not as it should.
   * @returns whether another one has not failed yet, and so can be asked at once
   */
  failed(agent: Agent): boolean;
  /** The run ends: the next one finds out anew. */
  close(): void;
}

/** Agents that the configuration names: in turn, beginning with the one that answered last. */
export class NamedAgents implements Agents {
  readonly #agents: readonly Agent[];
  #turn = 0;

  /** @param addresses at least one */
  constructor(addresses: readonly string[]) {
    this.#agents = addresses.map((address) => new URL(address)).map((url) => ({ url, name: url.origin }));
  }

  get most(): number {
    return this.#agents.length;
  }

  async next(): Promise<Agent> {
    const agent = this.#agents[this.#turn];
    if (!agent) throw new Error('no address is configured');
    return agent;
  }

  answered(): void {}

  failed(agent: Agent): boolean {
    // Of several questions that one server leaves unanswered, the first turns to the next.
    if (this.#agents[this.#turn] === agent) this.#turn = (this.#turn + 1) % this.#agents.length;
    return false;
  }

  close(): void {}
}
