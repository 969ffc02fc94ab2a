import type { Servers } from './api/http.ts';

export const leaderOf = (nth: number): string => `127.0.0.${1 + (nth % 250)}:4647`;

/** What is so of the servers until a test says otherwise, at any time. */
export class Circumstances {
  readonly #servers: Servers;
  #leaders = 0;

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  /** From the scheduler's plan to its commit, in milliseconds: what it placed on a node that has become ineligible since. */
  get planGapMs(): number {
    return this.#servers.scheduler.planGapMs;
  }

  set planGapMs(ms: number) {
    this.#servers.scheduler.planGapMs = ms;
  }

  /** True, or of which requests: a client agent that shuts down answers, as if all were gone. */
  get hollow(): Servers['hollow'] {
    return this.#servers.hollow;
  }

  set hollow(which: Servers['hollow']) {
    this.#servers.hollow = which;
  }

  /** How far its clocks are ahead of the true time: the dates of its answers, and all that it writes down. */
  get clockSkewMs(): number {
    return this.#servers.state.clockSkewMs;
  }

  set clockSkewMs(ms: number) {
    this.#servers.state.clockSkewMs = ms;
  }

  /** Another server leads. */
  newLeader(): void {
    this.#leaders += 1;
    this.#servers.leader = leaderOf(this.#leaders);
  }
}
