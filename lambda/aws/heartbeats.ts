import pMap from 'p-map';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/message-of.ts';
import type { Journal, Meter } from '../core/ports.ts';
import type { Termination } from '../core/termination.ts';
import { heartbeatDue, heartbeatSlot, lapsesBeforeSweep } from '../core/time.ts';
import type { AutoScaling } from './auto-scaling.ts';
import type { WaitMemory } from './wait-memory.ts';

/** Heartbeats sent at once. */
const CONCURRENCY = 8;
/** All heartbeats of a pass take at most this time, in milliseconds: the rest are owed, and due in the next pass. */
const ALL_MS = 10_000;

export interface HeartbeatsOptions {
  autoScaling: AutoScaling;
  clock: Clock;
  journal: Journal;
  meter: Meter;
  memory: WaitMemory;
  /** The sweep sends them; an event's run only for a hook that would lapse before the first sweep. */
  by: 'sweep' | 'event';
}

/** Sends the heartbeats that keep Auto Scaling waiting, for the length of one run. */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  /** When the last pass of this run was, which covered the slots that had begun. */
  #lastPass: number | undefined;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  /** Sends those that are due. Never throws. */
  async send(waiting: readonly Termination[]): Promise<void> {
    const { clock, memory, by } = this.#options;
    const now = clock.now();
    const last = {
      ...(this.#lastPass !== undefined && { pass: this.#lastPass }),
      ...(memory.lastSweep !== undefined && { sweep: memory.lastSweep }),
    };
    const due = waiting
      .filter(({ heartbeatTimeoutSeconds }) => by === 'sweep' || lapsesBeforeSweep(heartbeatTimeoutSeconds))
      .filter(
        (each) =>
          memory.owed.has(each.instanceId) || heartbeatDue(each.instanceId, each.heartbeatTimeoutSeconds, now, last),
      );
    await pMap(due, (each) => this.#sendOne(each, now), { concurrency: CONCURRENCY });
    // Only the first pass of a sweep covers the time since the sweep before.
    if (by === 'sweep' && this.#lastPass === undefined) memory.lastSweep = now;
    this.#lastPass = now;
  }

  async #sendOne(termination: Termination, now: number): Promise<void> {
    const { autoScaling, clock, memory, journal, meter } = this.#options;
    const { instanceId, group, heartbeatTimeoutSeconds } = termination;
    const slot = heartbeatSlot(instanceId, heartbeatTimeoutSeconds, now);
    if (memory.served.get(instanceId) === slot) return;
    memory.served.set(instanceId, slot);
    memory.owed.delete(instanceId);
    try {
      if (clock.now() > now + ALL_MS) throw new Error('Auto Scaling answers so slowly that no time was left');
      // False if our hook is done, and the instance waits for another.
      if (await autoScaling.heartbeat(termination)) journal.debug('heartbeat', { instanceId, group });
    } catch (error) {
      memory.served.delete(instanceId);
      memory.owed.add(instanceId);
      meter.add('HeartbeatsRefused', 1);
      journal.warn('heartbeat refused', { instanceId, group, because: messageOf(error) });
    }
  }
}
