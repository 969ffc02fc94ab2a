import type { Clock } from '../core/clock.ts';
import type { Terminations } from '../core/ports.ts';
import type { Termination } from '../core/termination.ts';
import type { AutoScaling } from './auto-scaling.ts';
import type { FindWaiting } from './find-waiting.ts';
import type { Heartbeats } from './heartbeats.ts';
import type { WaitMemory } from './wait-memory.ts';

/** How long an answer to "who waits?" holds, in milliseconds. */
const FRESH_MS = 10_000;

export interface WaitingInstancesOptions {
  /** Finds who waits: all instances, that of an event, or one for a dry run. */
  find: FindWaiting;
  heartbeats: Heartbeats;
  autoScaling: AutoScaling;
  clock: Clock;
  memory: WaitMemory;
  /** The names of the groups that are served. */
  groups: readonly string[];
}

/** The instances that wait for our hook, for the length of one run. */
export class WaitingInstances implements Terminations {
  readonly #options: WaitingInstancesOptions;
  readonly #completed = new Set<string>();
  #waiting: Termination[] = [];
  #freshUntil = Number.NEGATIVE_INFINITY;

  constructor(options: WaitingInstancesOptions) {
    this.#options = options;
  }

  async waiting(): Promise<Termination[]> {
    const { find, clock } = this.#options;
    if (clock.now() >= this.#freshUntil) {
      this.#waiting = await find();
      // What is not held yet will be in a moment.
      const settled = this.#waiting.every(({ held }) => held);
      this.#freshUntil = clock.now() + (settled ? FRESH_MS : 0);
    }
    return this.#waiting.filter(({ instanceId }) => !this.#completed.has(instanceId));
  }

  async waitsForUs(termination: Termination): Promise<boolean> {
    // An instance that is launched into the warm pool waits in this state for a launching hook. Only a heartbeat tells.
    if (termination.state !== 'Warmed:Pending:Wait' || termination.token) return true;
    return this.#options.autoScaling.heartbeat(termination);
  }

  async complete(termination: Termination, result: 'CONTINUE' | 'ABANDON'): Promise<boolean> {
    const { autoScaling, memory } = this.#options;
    const completed = await autoScaling.complete(termination, result);
    this.#completed.add(termination.instanceId);
    memory.forget(termination.instanceId);
    return completed;
  }

  heartbeat(waiting: readonly Termination[]): Promise<void> {
    return this.#options.heartbeats.send(waiting);
  }

  async backInService(instanceIds: readonly string[]): Promise<Map<string, string>> {
    const { autoScaling, groups } = this.#options;
    const states = await autoScaling.instances(instanceIds);
    const ours = states.filter(({ state, group }) => state === 'InService' && groups.includes(group));
    return new Map(ours.map(({ instanceId, group }) => [instanceId, group]));
  }
}
