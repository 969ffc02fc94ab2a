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

interface SeenNode {
  at: number;
  /** How long each takes to stop, of those that were alive when they were last seen, in milliseconds. */
  alive: Map<string, number>;
  /** The same of those that have left the list without an end. */
  forgotten: number[];
  forgottenAt: number;
}

/**
 * What a warm function has seen alive on draining nodes. `nomad job stop -purge` and `nomad system gc` remove an allocation from the
 * servers at once, while its client still runs it: it is held for the time that its client takes to stop it.
 */
export class SeenAllocations {
  readonly #nodes = new Map<string, SeenNode>();

  /** Whether each of these has been seen with its whole job. */
  knows(nodeId: string, ids: readonly string[]): boolean {
    const alive = this.#nodes.get(nodeId)?.alive;
    return ids.every((id) => alive?.has(id));
  }

  /**
   * @param all every allocation that the servers have of the node, with how long each takes to stop, in milliseconds, if it is alive
   * @param killMarginMs those that are forgotten are held at least for so long
   */
  note(
    nodeId: string,
    all: readonly { id: string; stopMs: number | undefined }[],
    now: number,
    killMarginMs: number,
  ): Forgotten | undefined {
    for (const [id, { at }] of this.#nodes) if (now - at > REMEMBERED_MS) this.#nodes.delete(id);
    const before = this.#nodes.get(nodeId) ?? { at: now, alive: new Map(), forgotten: [], forgottenAt: now };
    const listed = new Set(all.map(({ id }) => id));
    const vanished = [...before.alive].flatMap(([id, stopMs]) => (listed.has(id) ? [] : [stopMs]));
    const forgotten = [...before.forgotten, ...vanished];
    const forgottenAt = vanished.length > 0 ? now : before.forgottenAt;
    const alive = new Map(all.flatMap(({ id, stopMs }) => (stopMs === undefined ? [] : [[id, stopMs] as const])));
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
