import pMap from 'p-map';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/message-of.ts';
import type { Journal, Meter } from '../core/ports.ts';
import { mayBeLaunched, type Termination } from '../core/termination.ts';
import { heartbeatIntervalMs, lapsesBeforeSweep } from '../core/time.ts';
import type { AutoScaling } from './auto-scaling.ts';
import type { WaitMemory } from './wait-memory.ts';

/** Heartbeats sent at once. */
const CONCURRENCY = 8;
/** One that was refused is sent again after this time, in milliseconds. */
const AGAIN_MS = 5_000;

export interface HeartbeatsOptions {
  autoScaling: AutoScaling;
  clock: Clock;
  journal: Journal;
  meter: Meter;
  memory: WaitMemory;
  /** The ids of instances that wait for other hooks than ours, as this run has found. */
  notOurs: Set<string>;
  /** The run of an event leaves them to the sweep, but for a hook that would lapse before the first one. */
  byEvent: boolean;
  /** Until when the run stays for a hook that would lapse before the next sweep, milliseconds since the epoch. */
  until: number;
}

/**
 * Sends the heartbeats that keep Auto Scaling waiting, for the length of one run: beside everything else, so that neither Nomad nor EC2
 * nor another group holds them up.
 */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  #kept: readonly Termination[] = [];
  /** Ends what beats for those that were kept before. */
  #turn = 0;
  #sending: Promise<unknown> = Promise.resolve();

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  /** From now on these are kept waiting, and no others. */
  keep(waiting: readonly Termination[]): void {
    const { byEvent, memory } = this.#options;
    for (const each of waiting) {
      memory.note(each.instanceId, { shortestTimeout: Math.min(this.#timeoutOf(each), each.heartbeatTimeoutSeconds) });
    }
    this.#kept = waiting.filter((each) => each.held && !each.notice && (!byEvent || this.#mayLapse(each)));
    this.#turn += 1;
    void this.#beat(this.#turn);
  }

  /** Ends them; where a hook would lapse before the next sweep, at the end of the run's time. Never throws. */
  async end(): Promise<void> {
    const { clock, until } = this.#options;
    if (this.#waiting.some((each) => this.#mayLapse(each))) await clock.sleep(until - clock.now()).catch(() => {});
    this.#turn += 1;
    await this.#sending;
  }

  get #waiting(): readonly Termination[] {
    const { memory, notOurs } = this.#options;
    return this.#kept.filter((each) => !memory.isCompleted(each) && !notOurs.has(each.instanceId));
  }

  async #beat(turn: number): Promise<void> {
    const { clock } = this.#options;
    while (turn === this.#turn) {
      const sending = pMap(this.#mostUrgentFirst(), (each) => this.#send(each), { concurrency: CONCURRENCY });
      this.#sending = Promise.all([this.#sending, sending]);
      await sending;
      const next = Math.min(...this.#waiting.map((each) => this.#dueAt(each)));
      const goesOn = clock.sleep(next - clock.now()).then(
        () => true,
        () => false,
      );
      if (next === Number.POSITIVE_INFINITY || !(await goesOn)) return;
    }
  }

  #mostUrgentFirst(): Termination[] {
    return this.#waiting.toSorted((one, other) => this.#dueAt(one) - this.#dueAt(other));
  }

  async #send(termination: Termination): Promise<void> {
    const { autoScaling, clock, memory, notOurs, journal, meter } = this.#options;
    const { instanceId, group } = termination;
    const now = clock.now();
    if (this.#dueAt(termination) > now) return;
    memory.note(instanceId, { heartbeatAt: now });
    try {
      if (await autoScaling.heartbeat(termination)) journal.debug('heartbeat', { instanceId, group });
      else if (mayBeLaunched(termination)) notOurs.add(instanceId);
    } catch (error) {
      memory.note(instanceId, { heartbeatAt: clock.now() + AGAIN_MS - this.#intervalMs(termination) });
      meter.add('HeartbeatsRefused', 1);
      journal.warn('heartbeat refused', { instanceId, group, because: messageOf(error) });
    }
  }

  /** At once where none is known to have been sent, or one at a time that is yet to come: the clock was set back. */
  #dueAt(termination: Termination): number {
    const now = this.#options.clock.now();
    const { heartbeatAt = Number.POSITIVE_INFINITY } = this.#options.memory.of(termination.instanceId);
    return heartbeatAt > now ? now : heartbeatAt + this.#intervalMs(termination);
  }

  #intervalMs(termination: Termination): number {
    return heartbeatIntervalMs(this.#timeoutOf(termination));
  }

  #mayLapse(termination: Termination): boolean {
    return lapsesBeforeSweep(this.#timeoutOf(termination));
  }

  /** In seconds. */
  #timeoutOf({ instanceId, heartbeatTimeoutSeconds }: Termination): number {
    return this.#options.memory.of(instanceId).shortestTimeout ?? heartbeatTimeoutSeconds;
  }
}
