import type { Candidate, Client, Resources, Running } from './candidate.ts';

/**
 * The free CPU and memory of the clients that stay. Constraints, ports, devices and spread are not looked at: a service that
 * seems to fit may still be refused, and then keeps its drain from ending.
 */
export class Room {
  readonly #stay = new Map<string, { nodePool: string; free: Resources }>();

  constructor(clients: readonly Client[]) {
    for (const { id, status, eligible, draining, nodePool, free } of clients) {
      if (status === 'ready' && eligible && !draining) this.#stay.set(id, { nodePool, free: { ...free } });
    }
  }

  /** A client goes: it has room for nobody. */
  leave({ clients }: Candidate): void {
    for (const { id } of clients) this.#stay.delete(id);
  }

  /** Moves what runs to the clients that stay, each to the first that has room. @returns false if that is not possible */
  move(candidate: Candidate, runs: readonly Running[]): boolean {
    const gone = new Set(candidate.clients.map(({ id }) => id));
    const nodePools = new Set(candidate.clients.map(({ nodePool }) => nodePool));
    const stay = [...this.#stay].filter(([id, { nodePool }]) => !gone.has(id) && nodePools.has(nodePool));
    const moves: [free: Resources, takes: Resources][] = [];
    const undo = () => moves.map(([free, takes]) => add(free, takes, 1));
    for (const { takes } of runs.toSorted((one, other) => other.takes.memoryMb - one.takes.memoryMb)) {
      const found = stay.find(([, { free }]) => free.cpu >= takes.cpu && free.memoryMb >= takes.memoryMb);
      if (!found) {
        undo();
        return false;
      }
      const { free } = found[1];
      add(free, takes, -1);
      moves.push([free, takes]);
    }
    return true;
  }
}

function add(to: Resources, { cpu, memoryMb }: Resources, sign: 1 | -1): void {
  to.cpu += sign * cpu;
  to.memoryMb += sign * memoryMb;
}
