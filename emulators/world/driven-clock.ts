import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, TimeLimit } from '../../lambda/core/model/clock.ts';
import type { ManualClock } from '../clock.ts';

/** How much a server has to do, and how many requests only wait for the clock. */
interface Busy {
  readonly busy: number;
  readonly parked: number;
}

/**
 * The clock that the functions of a world live by. While one of them runs, time passes as fast as it can: a step at a time, when
 * all of them wait for the clock and no server has work that they wait for.
 */
export class DrivenClock implements Clock {
  /** The function is killed: whatever it still waits for fails. */
  killed = false;
  readonly #clock: ManualClock;
  readonly #servers: () => readonly Busy[];
  #runs = 0;
  #driving: Promise<void> | undefined;
  #sleeping = 0;
  /** Requests under way: each has its time limit. */
  #asking = 0;

  constructor(clock: ManualClock, servers: () => readonly Busy[]) {
    this.#clock = clock;
    this.#servers = servers;
  }

  now(): number {
    return this.#clock.now();
  }

  async sleep(ms: number): Promise<void> {
    if (this.killed) throw new Error('this function was killed');
    this.#sleeping += 1;
    await this.#clock.sleep(ms);
    this.#sleeping -= 1;
  }

  /** Nothing waits for it: it is no reason to let time pass. */
  after(ms: number, callback: () => void): () => void {
    return this.#clock.after(ms, () => !this.killed && callback());
  }

  limit(ms: number): TimeLimit {
    const { signal, lift } = this.#clock.limit(ms);
    let open = true;
    const close = () => {
      if (open) this.#asking -= 1;
      open = false;
      lift();
    };
    this.#asking += 1;
    signal.addEventListener('abort', close);
    return { signal, lift: close };
  }

  /** Lets time pass until this run is over. */
  async while<T>(run: Promise<T>): Promise<T> {
    this.#runs += 1;
    this.#driving ??= this.#drive();
    try {
      return await run;
    } finally {
      this.#runs -= 1;
    }
  }

  /** One step, and what it sets off has to settle before the next. */
  async #drive(): Promise<void> {
    for (let idle = 0; this.#runs > 0; idle++) {
      await (idle < SPINS ? settle() : sleep(1));
      if (this.#runs === 0 || !this.#waits()) continue;
      this.#clock.step();
      idle = 0;
    }
    this.#driving = undefined;
  }

  /** The function waits for the clock, and for no work of others. */
  #waits(): boolean {
    const servers = this.#servers();
    const parked = servers.reduce((sum, server) => sum + server.parked, 0);
    return servers.every(({ busy }) => busy === 0) && this.#asking === parked && (this.#sleeping > 0 || parked > 0);
  }
}

/** What has not settled after this many turns waits for another process, such as a script: spinning would take its core. */
const SPINS = 100;

/** Lets what is under way over real sockets go on. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
}
