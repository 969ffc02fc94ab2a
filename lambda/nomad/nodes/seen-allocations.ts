import type { Allocation } from '../../core/model/allocation.ts';
import type { EpochMs } from '../../core/model/clock.ts';
import type { AllocationJson, TaskGroupJson } from '../json/allocation.ts';

/** How many allocations that its servers have forgotten a client stops at once (`client.gc_parallel_destroys`). */
const STOPPED_AT_ONCE = 2;
/** A client hears at its next pull that an allocation is forgotten, in milliseconds. */
const PULL_MS = 5_000;
/** After so long nothing of a node is remembered, in milliseconds: Auto Scaling holds no instance longer. */
const REMEMBERED_MS = 48 * 3_600_000;

/** Allocations that the servers have forgotten while they ran, and until when their client may still stop them. */
interface Forgotten {
  count: number;
  until: EpochMs;
}

/** An allocation that was read with its job. */
interface SeenAllocation extends Pick<Allocation, 'id' | 'endsBy'> {
  /** How long it takes to stop, in milliseconds; undefined if it is not alive. */
  stopMs: number | undefined;
}

interface SeenNode {
  at: number;
  /** Those that were alive when they were last seen. */
  alive: Map<string, SeenAllocation & { stopMs: number }>;
  /** How long each takes to stop that has left the list without an end, in milliseconds. */
  forgotten: number[];
  forgottenAt: number;
}

/**
 * What a warm function has seen alive on draining nodes. `nomad job stop -purge` and `nomad system gc` remove an allocation from the
 * servers at once, while its client still runs it: it is held for the time that its client takes to stop it.
 */
export class SeenAllocations {
  readonly #nodes = new Map<string, SeenNode>();

  /** Allocations of a list with what their jobs said when they were seen; undefined if one was never seen with its whole job. */
  withTheirJobs(nodeId: string, listed: readonly Allocation[]): Allocation[] | undefined {
    const alive = this.#nodes.get(nodeId)?.alive;
    const known = listed.flatMap((allocation) => {
      const seen = alive?.get(allocation.id);
      return seen ? [{ ...allocation, ...(seen.endsBy !== undefined && { endsBy: seen.endsBy }) }] : [];
    });
    return known.length === listed.length ? known : undefined;
  }

  /**
   * @param all every allocation that the servers have of the node
   * @param killMarginMs those that are forgotten are held at least for so long
   */
  note(nodeId: string, all: readonly SeenAllocation[], now: number, killMarginMs: number): Forgotten | undefined {
    for (const [id, { at }] of this.#nodes) if (now - at > REMEMBERED_MS) this.#nodes.delete(id);
    const before = this.#nodes.get(nodeId) ?? { at: now, alive: new Map(), forgotten: [], forgottenAt: now };
    const listed = new Set(all.map(({ id }) => id));
    const vanished = [...before.alive.values()].flatMap(({ id, stopMs }) => (listed.has(id) ? [] : [stopMs]));
    const forgotten = [...before.forgotten, ...vanished];
    const forgottenAt = vanished.length > 0 ? now : before.forgottenAt;
    const alive = new Map(
      all.flatMap(({ stopMs, ...each }) => (stopMs === undefined ? [] : [[each.id, { ...each, stopMs }] as const])),
    );
    this.#nodes.set(nodeId, { at: now, alive, forgotten, forgottenAt });
    if (forgotten.length === 0) return undefined;
    const stopMs = Math.ceil(forgotten.length / STOPPED_AT_ONCE) * Math.max(...forgotten) + PULL_MS;
    return { count: forgotten.length, until: forgottenAt + Math.max(killMarginMs, stopMs) };
  }
}

/**
 * How long the client may take to stop an allocation, in milliseconds: first its leader, then the other tasks. A poststop task has no such
 * limit: it runs to its own end, whatever its servers have forgotten (seen on 1.6.10, 1.11.3 and 2.0.6).
 */
export function stopMsOf({ Job, TaskGroup }: AllocationJson): number {
  const group = Job?.TaskGroups?.find(({ Name }) => Name === TaskGroup);
  const of = (tasks: TaskGroupJson['Tasks']) =>
    Math.max(0, ...(tasks ?? []).map(({ KillTimeout = 0, ShutdownDelay = 0 }) => KillTimeout + ShutdownDelay));
  if (group?.Tasks?.some(({ Lifecycle }) => Lifecycle?.Hook === 'poststop')) return Number.POSITIVE_INFINITY;
  const leaders = group?.Tasks?.filter(({ Leader }) => Leader) ?? [];
  const others = group?.Tasks?.filter(({ Leader }) => !Leader) ?? [];
  return ((group?.ShutdownDelay ?? 0) + of(leaders) + of(others)) / 1e6;
}
