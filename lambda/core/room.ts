import type { Candidate, Client, Resources, Running } from './candidate.ts';
import { isInDatacenter, isInPool, type Needs, ruledOut } from './needs.ts';
import { sayUnplaced } from './unplaced.ts';

/** A client that stays, and what is left of it. */
interface Stays {
  client: Client;
  free: Resources;
}

/**
 * The free CPU and memory of the clients that stay. What a service needs beside that is looked at as far as it is given; ports, devices,
 * volumes and spread never are: a service that seems to fit may still be refused, and then keeps its drain from ending.
 */
export class Room {
  readonly #stay = new Map<string, Stays>();

  constructor(clients: readonly Client[]) {
    for (const client of clients) {
      const { id, status, eligible, draining, free } = client;
      if (status === 'ready' && eligible && !draining) this.#stay.set(id, { client, free: { ...free } });
    }
  }

  /** A client goes: it has room for nobody. */
  leave({ clients }: Candidate): void {
    for (const { id } of clients) this.#stay.delete(id);
  }

  /** Moves what runs to the clients that stay, each to the first that has room. @returns false if that is not possible */
  move(candidate: Candidate, runs: readonly Running[]): boolean {
    const stay = this.#elsewhere(candidate);
    const moves: [free: Resources, takes: Resources][] = [];
    for (const run of runs.toSorted(largestFirst)) {
      const found = stay.find(
        ({ client, free }) => isInPoolOf(candidate, client) && exhausted(free, run) === undefined,
      );
      if (!found) {
        for (const [free, takes] of moves) add(free, takes, 1);
        return false;
      }
      add(found.free, run.takes, -1);
      moves.push([found.free, run.takes]);
    }
    return true;
  }

  /**
   * Moves one of them, if that is possible.
   * @param needs if they are known; else any client will do that is in the pool of the one that goes
   * @returns why there is no room for it, or undefined if there was
   */
  moveOne(candidate: Candidate, run: Running, needs: Needs | undefined): string | undefined {
    const stay = this.#elsewhere(candidate);
    const inPool = stay.filter(({ client }) => (needs ? isInPool(client, needs) : isInPoolOf(candidate, client)));
    const inDatacenters = inPool.filter(({ client }) => !needs || isInDatacenter(client, needs));
    const obstacles = new Map<string, number>();
    for (const { client, free } of inDatacenters) {
      const obstacle = (needs && ruledOut(client, run, needs)) ?? exhausted(free, run);
      if (obstacle === undefined) {
        add(free, run.takes, -1);
        return undefined;
      }
      obstacles.set(obstacle, (obstacles.get(obstacle) ?? 0) + 1);
    }
    const pool = needs?.nodePool ?? [...new Set(candidate.clients.map(({ nodePool }) => nodePool))].join(', ');
    return sayUnplaced({
      pool,
      inPool: inPool.length,
      inDatacenters: inDatacenters.length,
      reasons: [...obstacles],
    });
  }

  #elsewhere({ clients }: Candidate): Stays[] {
    const gone = new Set(clients.map(({ id }) => id));
    return [...this.#stay.values()].filter(({ client }) => !gone.has(client.id));
  }
}

/** The large ones find room first, and the small ones between them. */
export const largestFirst = (one: Running, other: Running): number => other.takes.memoryMb - one.takes.memoryMb;

const isInPoolOf = ({ clients }: Candidate, { nodePool }: Client): boolean =>
  clients.some((client) => client.nodePool === nodePool);

/** What there is too little of, in the scheduler's words. */
function exhausted(free: Resources, { takes }: Running): string | undefined {
  if (free.cpu < takes.cpu) return 'cpu is exhausted on';
  return free.memoryMb < takes.memoryMb ? 'memory is exhausted on' : undefined;
}

function add(to: Resources, { cpu, memoryMb }: Resources, sign: 1 | -1): void {
  to.cpu += sign * cpu;
  to.memoryMb += sign * memoryMb;
}
