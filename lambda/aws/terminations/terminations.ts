import type { EC2Client } from '@aws-sdk/client-ec2';
import { messageOf } from '../../core/basics.ts';
import type { Clock } from '../../core/model/clock.ts';
import { isGoing, isHeld, mayBeAnothers, type Termination } from '../../core/model/termination.ts';
import type { Logger, RetainedInstance, Terminations } from '../../core/ports.ts';
import type { AutoScaling, InstanceState } from '../auto-scaling.ts';
import { describeInstances, type InstanceFacts } from '../ec2.ts';
import { factsOf } from './describe-terminations.ts';
import type { FindWaiting, FoundTerminations } from './find-terminations.ts';
import type { Heartbeats } from './heartbeats.ts';
import type { WaitMemory } from './wait-memory.ts';

/**
 * How long a list of waiting instances holds, in milliseconds. Before a drain is started on an older one, and before any instance is
 * released, Auto Scaling is asked about that instance.
 */
const FRESH_MS = 10_000;

interface AwsTerminationsOptions {
  /** Finds waiting instances: all, that of an event, or one for a dry run. */
  find: FindWaiting;
  /** Absent for a dry run. */
  heartbeats: Heartbeats | undefined;
  /** The ids of instances that wait for other hooks than ours, as this run has found. */
  notOurs: Set<string>;
  autoScaling: AutoScaling;
  clock: Clock;
  logger: Logger;
  memory: WaitMemory;
  ec2: EC2Client;
  /** The names of the groups that are served. */
  groups: readonly string[];
}

/** The instances that wait for our hook, for the length of one run. */
export class AwsTerminations implements Terminations {
  readonly #options: AwsTerminationsOptions;
  readonly #completed = new Set<string>();
  #found: FoundTerminations | undefined;
  #foundAt = Number.NEGATIVE_INFINITY;
  #freshUntil = Number.NEGATIVE_INFINITY;
  #reused = false;
  #states: Promise<ReadonlyMap<string, InstanceState>> = Promise.resolve(new Map());
  #statesAt = Number.NEGATIVE_INFINITY;

  constructor(options: AwsTerminationsOptions) {
    this.#options = options;
  }

  async waiting(): Promise<Termination[]> {
    const { clock, find, logger, heartbeats, memory } = this.#options;
    const now = clock.now();
    this.#reused = now < this.#freshUntil;
    if (!this.#reused) {
      try {
        this.#found = this.#withUnread(await find(), now);
        // What is not held yet will be in a moment.
        const isAll = this.#found.waiting.every(({ held, notice }) => held || notice);
        this.#freshUntil = isAll ? now + FRESH_MS : now;
        heartbeats?.keep([...this.#found.waiting, ...memory.lastSeen(this.#found.unread ?? new Map())]);
      } catch (error) {
        if (!this.#found) {
          heartbeats?.keep(memory.lastSeen());
          throw error;
        }
        logger.warn('Auto Scaling does not list the waiting instances now', { because: messageOf(error) });
      }
    }
    const isOver = (id: string) => this.#completed.has(id) || this.#options.notOurs.has(id);
    return this.#found?.waiting.filter(({ instanceId }) => !isOver(instanceId)) ?? [];
  }

  /** Of groups that could not be read now, this run goes on with what it has read before. */
  #withUnread(found: FoundTerminations, now: number): FoundTerminations {
    const { unread } = found;
    if (!unread?.size) {
      this.#foundAt = now;
      return found;
    }
    const isKnown = (id: string) => found.waiting.some(({ instanceId }) => instanceId === id);
    const before = this.#found?.waiting.filter(({ group, instanceId }) => unread.has(group) && !isKnown(instanceId));
    return { ...found, waiting: [...found.waiting, ...(before ?? [])] };
  }

  get asksAgainAt(): number | undefined {
    return this.#reused ? this.#freshUntil : undefined;
  }

  async stillWaiting(terminations: readonly Termination[]): Promise<Termination[]> {
    const { ec2, logger } = this.#options;
    const ids = terminations.map(({ instanceId }) => instanceId);
    const states = await this.#statesOf(terminations);
    const facts = await factsOf({ ec2, logger }, ids);
    return terminations.flatMap(({ addresses: _, names: __, launchedAt: ___, ...termination }) => {
      const { instanceId, group } = termination;
      const now = states.find((each) => each.instanceId === instanceId && each.group === group);
      if (!now || !isStill(termination, now)) return [];
      const held = now.state === termination.state ? termination.held : isHeld(now.state);
      const said: InstanceFacts = facts.get(instanceId) ?? { ec2: 'unknown' };
      return [{ ...termination, state: now.state, held, ...said }];
    });
  }

  /** It is not documented whether Auto Scaling lists the instances of warm pools by their ids. */
  async #statesOf(terminations: readonly Termination[]): Promise<InstanceState[]> {
    const { autoScaling } = this.#options;
    const states = await autoScaling.instances(terminations.map(({ instanceId }) => instanceId));
    const missing = terminations.filter((each) => !states.some(({ instanceId }) => instanceId === each.instanceId));
    const pools = new Set(missing.filter(({ state }) => state.startsWith('Warmed:')).map(({ group }) => group));
    return pools.size > 0 ? [...states, ...(await autoScaling.members([...pools]))] : states;
  }

  async waitsForUs(termination: Termination): Promise<boolean> {
    if (this.#options.clock.now() >= this.#foundAt + FRESH_MS && !(await this.#stillGoes(termination))) return false;
    if (!mayBeAnothers(termination) || termination.notice) return true;
    const isOurs = await this.#options.autoScaling.heartbeat(termination);
    if (!isOurs) this.#options.notOurs.add(termination.instanceId);
    return isOurs;
  }

  /** All are asked about at once: one call covers fifty. */
  async #stillGoes(termination: Termination): Promise<boolean> {
    const now = this.#options.clock.now();
    if (now >= this.#statesAt + FRESH_MS) {
      this.#statesAt = now;
      this.#states = this.#statesOf(this.#found?.waiting ?? [termination]).then(byId);
      this.#states.catch(() => {
        this.#statesAt = Number.NEGATIVE_INFINITY;
      });
    }
    const state = (await this.#states).get(termination.instanceId);
    return state?.group === termination.group && isStill(termination, state);
  }

  async complete(termination: Termination, result: 'CONTINUE' | 'ABANDON'): Promise<boolean> {
    const { autoScaling, memory } = this.#options;
    const completed = await autoScaling.complete(termination, result);
    this.#completed.add(termination.instanceId);
    memory.complete(termination);
    return completed;
  }

  async end(): Promise<void> {
    await this.#options.heartbeats?.end();
  }

  get retained(): readonly RetainedInstance[] {
    return this.#found?.retained ?? [];
  }

  get inService(): readonly { instanceId: string; group: string }[] {
    return this.#found?.inService ?? [];
  }

  get problems(): readonly string[] {
    return this.#found?.problems ?? [];
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

/** The first of each instance, if there are several. */
const byId = (states: readonly InstanceState[]): Map<string, InstanceState> =>
  new Map(states.toReversed().map((state) => [state.instanceId, state]));

/** Whether an instance still goes; or, on its way in, still waits. */
const isStill = ({ state, launch }: Pick<Termination, 'state' | 'launch'>, now: InstanceState): boolean =>
  now.state === state || (!launch && (isHeld(now.state) || isGoing(now.state)));
