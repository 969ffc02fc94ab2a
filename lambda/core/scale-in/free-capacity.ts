import { groupKey } from '../model/allocation.ts';
import type { Candidate, Client, Resources, Running } from './candidate.ts';
import { isInDatacenter, isInPool, type KnownNeeds, ruledOut, sayUnplaced } from './placement.ts';

/**
 * The free CPU and memory of the clients that stay. What a service needs beside that is looked at as far as it is given; ports, devices
 * and spread never are: a service that seems to fit may still be refused.
 */
export class Room {
  readonly #stay: readonly Client[];
  /** What is left of the clients that something has moved to. */
  readonly #left: Map<string, Resources>;

  constructor(clients: readonly Client[], left: ReadonlyMap<string, Resources> = new Map()) {
    this.#stay = clients.filter(({ status, eligible, draining }) => status === 'ready' && eligible && !draining);
    this.#left = new Map(left);
  }

  /** What is left when a candidate has gone: it has no room for others. */
  without({ clients }: Candidate): Room {
    const gone = clients.map(({ id }) => id);
    return new Room(
      this.#stay.filter(({ id }) => !gone.includes(id)),
      this.#left,
    );
  }

  /**
   * Moves what runs on a candidate, each to the first client that has room, the largest first. This room stays as it is.
   * @param needs as far as they are known; else any client will do that is in the pool of the one that goes
   * @returns what is left then, and for which there is no room, each with the reason
   */
  move(candidate: Candidate, runs: readonly Running[], needs: KnownNeeds = new Map()) {
    const after = this.without(candidate);
    const pools = [...new Set(candidate.clients.map(({ nodePool }) => nodePool))];
    const nowhere = new Map<Running, string>();
    for (const run of runs.toSorted(largestFirst)) {
      const because = after.#place(run, needs, pools);
      if (because !== undefined) nowhere.set(run, because);
    }
    return { after, nowhere };
  }

  /** @returns why there is no room for it, or undefined if there was */
  #place(run: Running, needs: KnownNeeds, pools: readonly string[]): string | undefined {
    const needed = needs.get(groupKey(run));
    const obstacles = new Map<string, number>();
    let [inPool, inDatacenters] = [0, 0];
    for (const client of this.#stay) {
      if (!(needed ? isInPool(client, needed) : pools.includes(client.nodePool))) continue;
      inPool += 1;
      if (needed && !isInDatacenter(client, needed)) continue;
      inDatacenters += 1;
      const { cpu, memoryMb } = this.#left.get(client.id) ?? client.free;
      const left = { cpu: cpu - run.takes.cpu, memoryMb: memoryMb - run.takes.memoryMb };
      const obstacle = (needed && ruledOut(client, run, needed)) ?? exhausted(left);
      if (obstacle === undefined) {
        this.#left.set(client.id, left);
        return undefined;
      }
      obstacles.set(obstacle, (obstacles.get(obstacle) ?? 0) + 1);
    }
    return sayUnplaced({ pool: needed?.nodePool ?? pools.join(', '), inPool, inDatacenters, reasons: [...obstacles] });
  }
}

/**
 * Which of these services that have nowhere to go a drain stops all the same, at once, each with how many of its group that leaves: Nomad
 * keeps `count - max_parallel` of a group, and for those the drain waits until its deadline (docs/decisions/0008). A group of which nothing
 * is known is complete if it is not blocked, and moves one at a time, as is Nomad's default.
 */
export function stoppedAtOnce(
  nowhere: readonly Running[],
  by: { clients: readonly Client[]; needs?: KnownNeeds; blocked?: ReadonlyMap<string, unknown> },
): ReadonlyMap<Running, number> {
  const stopped = new Map<Running, number>();
  for (const [key, ofGroup] of Map.groupBy(nowhere, groupKey)) {
    const [{ job, namespace, taskGroup }] = ofGroup as [Running];
    const isAlive = (run: Running) =>
      run.job === job && run.taskGroup === taskGroup && run.namespace === namespace && !run.stopping;
    const alive = by.clients.reduce((sum, { runs }) => sum + runs.filter(isAlive).length, 0);
    const { count, maxParallel } = by.needs?.get(key) ?? {
      count: by.blocked?.has(key) ? alive + 1 : alive,
      maxParallel: 1,
    };
    const going = ofGroup.slice(0, Math.max(0, alive - (count - maxParallel)));
    for (const run of going) stopped.set(run, alive - going.length);
  }
  return stopped;
}

/** The large ones find room first, and the small ones between them. */
export const largestFirst = (one: Running, other: Running): number => other.takes.memoryMb - one.takes.memoryMb;

/** What there is too little of, in the scheduler's words. */
function exhausted({ cpu, memoryMb }: Resources): string | undefined {
  if (cpu < 0) return 'cpu is exhausted on';
  return memoryMb < 0 ? 'memory is exhausted on' : undefined;
}
