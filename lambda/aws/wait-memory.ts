/**
 * What a warm function remembers of those who wait. A cold one only sends a heartbeat too many, or leaves one to the next
 * slot, and takes a wait that nobody can date for a new one.
 */
export class WaitMemory {
  /** The last heartbeat slot that was served, by instance id: none is served twice. */
  readonly served = new Map<string, number>();
  /** Whose last heartbeat was refused: it is tried again. */
  readonly owed = new Set<string>();
  /** When each was first seen to wait, milliseconds since the epoch. */
  readonly seenSince = new Map<string, number>();
  /** When the last sweep answered for the heartbeat slots that had begun, milliseconds since the epoch. */
  lastSweep: number | undefined;

  forget(instanceId: string): void {
    this.served.delete(instanceId);
    this.owed.delete(instanceId);
    this.seenSince.delete(instanceId);
  }

  /** Forgets those that wait no more. */
  keepOnly(waiting: ReadonlySet<string>): void {
    for (const id of [...this.seenSince.keys()]) if (!waiting.has(id)) this.forget(id);
  }
}
