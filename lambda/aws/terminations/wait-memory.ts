import type { EpochMs } from '../../core/model/clock.ts';
import type { Termination } from '../../core/model/termination.ts';

/** What is remembered of one waiting instance. */
interface Wait {
  /** As it was seen last. */
  termination?: Termination;
  /** When it was first seen to wait. */
  seenSince?: EpochMs;
  /** When a heartbeat was sent last. */
  heartbeatAt?: EpochMs;
  /** The shortest timeout that its hook has had, in seconds: a lifecycle action keeps the one that it began with. */
  shortestTimeout?: number;
  /** The state in which its lifecycle action for our hook was completed. */
  completedIn?: string;
}

/** What a warm function remembers of waiting instances. A cold one sends a heartbeat at once, and counts a wait without a date as new. */
export class WaitMemory {
  readonly #waits = new Map<string, Wait>();

  of(instanceId: string): Wait {
    return this.#waits.get(instanceId) ?? {};
  }

  note(instanceId: string, more: Wait): void {
    this.#waits.set(instanceId, { ...this.of(instanceId), ...more });
  }

  /** A new wait of an instance begins. */
  begin(instanceId: string): void {
    const { completedIn: _, ...wait } = this.of(instanceId);
    this.#waits.set(instanceId, wait);
  }

  complete({ instanceId, state }: Termination): void {
    // Another hook of its group may hold it for hours.
    this.#waits.set(instanceId, { completedIn: state });
  }

  isCompleted({ instanceId, state }: Pick<Termination, 'instanceId' | 'state'>): boolean {
    return this.of(instanceId).completedIn === state;
  }

  /** Those of these groups, or of all, as they were seen last: which instances wait there now is not known. */
  lastSeen(groups?: Pick<ReadonlySet<string>, 'has'>): Termination[] {
    const all = [...this.#waits.values()].flatMap(({ termination }) => termination ?? []);
    return groups ? all.filter(({ group }) => groups.has(group)) : all;
  }

  /** Forgets those that no longer wait: not those of groups of which that is not known. */
  keepOnly(waiting: ReadonlySet<string>, unread: Pick<ReadonlySet<string>, 'has'>): void {
    for (const [id, { termination }] of this.#waits) {
      if (!waiting.has(id) && !unread.has(termination?.group ?? '')) this.#waits.delete(id);
    }
  }
}
