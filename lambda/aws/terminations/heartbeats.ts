import pMap from 'p-map';
import { type GroupConfig, type HookConfig, hookKey, hooksOf } from '../../config/config.ts';
import { messageOf } from '../../core/basics.ts';
import { heartbeatIntervalMs, lapsesBeforeSweep } from '../../core/decide/deadlines.ts';
import type { Clock, EpochMs } from '../../core/model/clock.ts';
import { mayBeAnothers, type Termination } from '../../core/model/termination.ts';
import type { Logger, Metrics } from '../../core/ports.ts';
import type { AutoScaling } from '../auto-scaling.ts';
import type { Hooks } from './lifecycle-hooks.ts';
import type { WaitMemory } from './wait-memory.ts';

/** Heartbeats sent at once. */
const CONCURRENCY = 8;
/** One that was refused is sent again after this time, in milliseconds. */
const AGAIN_MS = 5_000;
/** The shortest heartbeat timeout of a hook, in seconds. */
const SHORTEST_SECONDS = 30;

interface HeartbeatsOptions {
  autoScaling: AutoScaling;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  memory: WaitMemory;
  /** The ids of instances that wait for other hooks than ours, as this run has found. */
  notOurs: Set<string>;
  hooks: Pick<Hooks, 'now' | 'knows'>;
  groups: readonly GroupConfig[];
  /** The run of an event leaves them to the sweep, but for a hook that would lapse before the first one. */
  byEvent: boolean;
  /** Until when the run stays for a hook that would lapse before the next sweep. */
  until: EpochMs;
}

/**
 * Sends the heartbeats that keep Auto Scaling waiting, for the length of one run: beside everything else, so that neither Nomad nor EC2
 * nor another group holds them up.
 */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  readonly #hooks: ReadonlyMap<string, HookConfig>;
  #kept: readonly Termination[] = [];
  #callOff = () => {};
  #ended = false;
  #sending: Promise<unknown> = Promise.resolve();

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
    this.#hooks = new Map(options.groups.flatMap(hooksOf).map((hook) => [hookKey(hook.name, hook.hook), hook]));
  }

  /** From now on these are kept waiting, and no others. */
  keep(waiting: readonly Termination[]): void {
    for (const each of waiting) this.#noteTimeout(each, each.heartbeatTimeoutSeconds);
    this.#kept = waiting.filter(({ held, notice }) => held && !notice);
    void this.#beat();
  }

  /** Ends them; where a hook would lapse before the next sweep, at the end of the run's time. Never throws. */
  async end(): Promise<void> {
    const { clock, until, byEvent, hooks } = this.#options;
    // The run of an event has not read the hook: it may have been shortened since it was configured.
    for (const each of byEvent ? this.#left : []) {
      const hook = this.#hookOf(each);
      if (hook) this.#noteTimeout(each, await hooks.now(hook));
    }
    void this.#beat();
    if (this.#waiting.some((each) => this.#mayLapse(each))) await clock.sleep(until - clock.now()).catch(() => {});
    this.#ended = true;
    this.#callOff();
    await this.#sending;
  }

  get #waiting(): readonly Termination[] {
    return this.#options.byEvent ? this.#left.filter((each) => this.#mayLapse(each)) : this.#left;
  }

  /** Those that wait for us still. */
  get #left(): readonly Termination[] {
    const { memory, notOurs } = this.#options;
    return this.#kept.filter((each) => !memory.isCompleted(each) && !notOurs.has(each.instanceId));
  }

  async #beat(): Promise<void> {
    const { clock } = this.#options;
    const sending = pMap(this.#due(), (each) => this.#send(each), { concurrency: CONCURRENCY });
    this.#sending = Promise.all([this.#sending, sending]);
    await sending;
    this.#callOff();
    const next = Math.min(...this.#waiting.map((each) => this.#dueAt(each)));
    if (!this.#ended) this.#callOff = clock.after(next - clock.now(), () => void this.#beat());
  }

  /** The most urgent first. */
  #due(): Termination[] {
    const now = this.#options.clock.now();
    const due = this.#waiting.map((each) => ({ each, at: this.#dueAt(each) })).filter(({ at }) => at <= now);
    return due.toSorted((one, other) => one.at - other.at).map(({ each }) => each);
  }

  async #send(termination: Termination): Promise<void> {
    const { autoScaling, clock, memory, notOurs, logger, metrics } = this.#options;
    const { instanceId, group } = termination;
    const now = clock.now();
    // Another beat may have sent it while it stood in line.
    if (this.#dueAt(termination) > now) return;
    memory.note(instanceId, { heartbeatAt: now });
    try {
      if (await autoScaling.heartbeat(termination)) logger.debug('heartbeat', { instanceId, group });
      else if (mayBeAnothers(termination)) notOurs.add(instanceId);
    } catch (error) {
      memory.note(instanceId, { heartbeatAt: clock.now() + AGAIN_MS - this.#intervalMs(termination) });
      metrics.add('HeartbeatsRefused', 1);
      logger.warn('heartbeat refused', { instanceId, group, because: messageOf(error) });
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

  #noteTimeout(termination: Termination, seconds: number): void {
    const { shortestTimeout = seconds } = this.#options.memory.of(termination.instanceId);
    this.#options.memory.note(termination.instanceId, { shortestTimeout: Math.min(shortestTimeout, seconds) });
  }

  /** In seconds: the shortest that Auto Scaling takes, if nothing says how long it is. */
  #timeoutOf(termination: Termination): number {
    const { instanceId, heartbeatTimeoutSeconds } = termination;
    const hook = this.#hookOf(termination);
    if (hook && !this.#options.hooks.knows(hook)) return SHORTEST_SECONDS;
    return this.#options.memory.of(instanceId).shortestTimeout ?? heartbeatTimeoutSeconds;
  }

  #hookOf({ group, hook }: Termination): HookConfig | undefined {
    return this.#hooks.get(hookKey(group, hook));
  }
}
