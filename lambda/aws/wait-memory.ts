/**
 * What a warm function remembers of waiting instances. A cold one only sends a heartbeat too many, or leaves one to the next
 * slot, and counts a wait without a date as new.
 */
export class WaitMemory {
  /** The last heartbeat slot that was served, by instance id: none is served twice. */
  readonly served = new Map<string, number>();
  /** The instances whose last heartbeat was refused: it is sent again. */
  readonly owed = new Set<string>();
  /** When each was first seen to wait, milliseconds since the epoch. */
  readonly seenSince = new Map<string, number>();
  /** Those whose lifecycle action for our hook is completed, and the state in which each was then. */
  readonly completed = new Map<string, string>();
  /** When the last sweep was, which covered the heartbeat slots that had begun, milliseconds since the epoch. */
  lastSweep: number | undefined;

  forget(instanceId: string): void {
    this.served.delete(instanceId);
    this.owed.delete(instanceId);
    this.seenSince.delete(instanceId);
  }

  /** Forgets those that no longer wait. */
  keepOnly(waiting: ReadonlySet<string>): void {
    for (const id of [...this.seenSince.keys()]) if (!waiting.has(id)) this.forget(id);
    for (const id of [...this.completed.keys()]) if (!waiting.has(id)) this.completed.delete(id);
  }
}
