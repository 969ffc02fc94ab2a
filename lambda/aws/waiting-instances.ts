import type { EC2Client } from '@aws-sdk/client-ec2';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/message-of.ts';
import type { Journal, RetainedInstance, TakenNode, Terminations } from '../core/ports.ts';
import { isGoing, isHeld, type Termination } from '../core/termination.ts';
import type { AutoScaling } from './auto-scaling.ts';
import type { FindWaiting, Found } from './find-waiting.ts';
import type { Heartbeats } from './heartbeats.ts';
import { describeInstances } from './instances.ts';
import type { WaitMemory } from './wait-memory.ts';

/**
 * How long an answer to "who waits?" holds, in milliseconds. Between its passes a run asks Nomad alone: a wait that is over
 * completes nothing, and before a drain is started on an older answer, Auto Scaling is asked about that instance.
 */
const FRESH_MS = 10_000;
/**
 * An instance that another run has drained since may wait too: asked so often at the most, in milliseconds. About a drain that began so
 * long before an answer or later: the answer may have come while Auto Scaling still said `Terminating`.
 */
const NEWCOMERS_MS = 5_000;
/** Two events of one group within this time are of one wave, in milliseconds. */
const WAVE_MS = 60_000;
/** So many instances that their nodes are not looked up by the run of one event. */
const LARGE_WAVE = 100;

export interface WaitingInstancesOptions {
  /** Finds who waits: all instances, that of an event, or one for a dry run. */
  find: FindWaiting;
  heartbeats: Heartbeats;
  autoScaling: AutoScaling;
  clock: Clock;
  journal: Journal;
  memory: WaitMemory;
  ec2: EC2Client;
  /** The names of the groups that are served. */
  groups: readonly string[];
  /** The instance whose event the run serves, and its group. */
  event?: { instanceId: string; group: string } | undefined;
  /** The nodes that are drained for waiting instances, as far as Nomad has told; none in a run that is about some instances only. */
  drained: () => readonly TakenNode[];
}

/** How long an answer holds, in milliseconds: for the rest of the run, if it says all. */
function holdsFor(waiting: readonly Termination[]): number {
  // What is not held yet will be in a moment.
  if (!waiting.every(({ held, notice }) => held || notice)) return 0;
  return waiting.some(({ ec2 }) => ec2 === 'unknown') ? FRESH_MS : Number.POSITIVE_INFINITY;
}

/** The instances that wait for our hook, for the length of one run. */
export class WaitingInstances implements Terminations {
  readonly #options: WaitingInstancesOptions;
  readonly #completed = new Set<string>();
  #found: Found = { waiting: [] };
  /** When the last question was asked that was answered, and the last one. */
  #foundAt = Number.NEGATIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;
  #freshUntil = Number.NEGATIVE_INFINITY;

  constructor(options: WaitingInstancesOptions) {
    this.#options = options;
  }

  async waiting(): Promise<Termination[]> {
    const { clock, journal } = this.#options;
    const now = clock.now();
    if (now >= this.#freshUntil) await this.#find();
    else if (this.asksAgainAt !== undefined && now >= this.asksAgainAt) {
      await this.#find().catch((error) => {
        journal.warn('Auto Scaling does not say who else waits', { because: messageOf(error) });
      });
    }
    return this.#found.waiting.filter(({ instanceId }) => !this.#completed.has(instanceId));
  }

  get asksAgainAt(): number | undefined {
    const known = new Set(this.#found.waiting.map(({ instanceId }) => instanceId));
    const isNew = ({ instanceId, since }: TakenNode) => since > this.#foundAt - NEWCOMERS_MS && !known.has(instanceId);
    return this.#options.drained().some(isNew) ? this.#askedAt + NEWCOMERS_MS : undefined;
  }

  async #find(): Promise<void> {
    const { find, clock } = this.#options;
    this.#askedAt = clock.now();
    this.#found = await find();
    this.#foundAt = this.#askedAt;
    this.#freshUntil = clock.now() + holdsFor(this.#found.waiting);
  }

  async waitsForUs(termination: Termination): Promise<boolean> {
    if (this.#options.clock.now() >= this.#foundAt + FRESH_MS && !(await this.#stillGoes(termination))) return false;
    // An instance that is launched into the warm pool waits in this state for a launching hook. Only a heartbeat tells.
    if (termination.state !== 'Warmed:Pending:Wait' || termination.token || termination.notice) return true;
    return this.#options.autoScaling.heartbeat(termination);
  }

  async #stillGoes({ instanceId, group, state }: Termination): Promise<boolean> {
    const [now] = await this.#options.autoScaling.instances([instanceId]);
    return now?.group === group && (now.state === state || isHeld(now.state) || isGoing(now.state));
  }

  async complete(termination: Termination, result: 'CONTINUE' | 'ABANDON'): Promise<boolean> {
    const { autoScaling, memory } = this.#options;
    const completed = await autoScaling.complete(termination, result);
    this.#completed.add(termination.instanceId);
    memory.forget(termination.instanceId);
    return completed;
  }

  heartbeat(waiting: readonly Termination[]): Promise<void> {
    return this.#options.heartbeats.send(waiting.filter(({ notice }) => !notice));
  }

  get retained(): readonly RetainedInstance[] {
    return this.#found.retained ?? [];
  }

  get problems(): readonly string[] {
    return this.#found.problems ?? [];
  }

  /**
   * The first event of a group may be the only one, and five hundred at once must not fetch five hundred groups: the group is read
   * when this environment serves a second event of it within a minute, and once in that time.
   */
  async alsoGoing(): Promise<string[]> {
    const { event, memory, clock, autoScaling } = this.#options;
    if (!event) return [];
    const now = clock.now();
    const { at = 0, askedAt = 0 } = memory.waves.get(event.group) ?? {};
    const asks = now - at < WAVE_MS && now - askedAt >= WAVE_MS;
    memory.waves.set(event.group, { at: now, askedAt: asks ? now : askedAt });
    if (!asks) return [];
    const members = await autoScaling.members([event.group]);
    const going = members.filter(({ state }) => state === 'Terminating' || state === 'Terminating:Wait');
    // The events of a large wave run in many environments at once: their drains start together anyway.
    if (going.length > LARGE_WAVE) return [];
    return going.map(({ instanceId }) => instanceId).filter((id) => id !== event.instanceId);
  }

  async terminated(instanceIds: readonly string[]): Promise<Set<string>> {
    const facts = await describeInstances(this.#options.ec2, instanceIds, (error) => {
      throw error;
    });
    return new Set(instanceIds.filter((id) => facts.get(id)?.ec2 === 'gone'));
  }

  async backInService(instanceIds: readonly string[]): Promise<Map<string, string>> {
    const { autoScaling, groups } = this.#options;
    const states = await autoScaling.instances(instanceIds);
    const ours = states.filter(({ state, group }) => state === 'InService' && groups.includes(group));
    return new Map(ours.map(({ instanceId, group }) => [instanceId, group]));
  }
}
