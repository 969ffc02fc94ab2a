import type { EC2Client } from '@aws-sdk/client-ec2';
import pMap from 'p-map';
import type { Clock } from '../clock.ts';
import type { GroupConfig } from '../config.ts';
import { messageOf } from '../errors.ts';
import { type Journal, type Meter, type Terminations, UNKNOWN } from '../ports.ts';
import { isGoing, isHeld, type LifecycleEvent, type Termination } from '../termination.ts';
import { globalCapSeconds, heartbeatDue, heartbeatSlot, lapsesBeforeSweep } from '../time.ts';
import type { AutoScaling, InstanceState } from './auto-scaling.ts';
import type { Hooks } from './hooks.ts';
import { describeInstances, type InstanceFacts } from './instances.ts';

/** How long an answer to "who waits?" is good for, in milliseconds. */
const FRESH_MS = 10_000;
/** How often a state that has yet to follow its event is read again, in milliseconds. */
const RELOOK_MS = 1_000;
/** Heartbeats sent, or groups asked about, at once. */
const CONCURRENCY = 8;
/** All heartbeats of a look take no longer than this, in milliseconds: what is left is owed, and due at the next look. */
const HEARTBEATS_MS = 10_000;

export interface TerminationsOptions {
  autoScaling: AutoScaling;
  ec2: EC2Client;
  clock: Clock;
  journal: Journal;
  meter: Meter;
  groups: readonly GroupConfig[];
  hooks: Hooks;
  heartbeats: HeartbeatMemory;
}

/**
 * What a warm function remembers of those who wait. A cold one only sends a heartbeat too many, or leaves one to the next
 * slot, and takes a wait that nobody can date for a new one.
 */
export class HeartbeatMemory {
  /** The last slot served, by instance id: none is served twice. */
  readonly served = new Map<string, number>();
  /** Whose last heartbeat was refused: it is tried again. */
  readonly owed = new Set<string>();
  /** When each was first seen to wait, milliseconds since the epoch. */
  readonly seenSince = new Map<string, number>();
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

/** What the three ways of asking who waits have in common: by the sweep, by an event, and by who only wants to know. */
export abstract class Waiting implements Terminations {
  protected readonly options: TerminationsOptions;
  readonly #completed = new Set<string>();
  #waiting: Termination[] = [];
  #freshUntil = Number.NEGATIVE_INFINITY;
  #lastLook: number | undefined;

  constructor(options: TerminationsOptions) {
    this.options = options;
  }

  async waiting(): Promise<Termination[]> {
    if (this.options.clock.now() >= this.#freshUntil) {
      this.#waiting = await this.look();
      // What is not held yet will be in a moment.
      const settled = this.#waiting.every(({ held }) => held);
      this.#freshUntil = this.options.clock.now() + (settled ? FRESH_MS : 0);
    }
    return this.#waiting.filter(({ instanceId }) => !this.#completed.has(instanceId));
  }

  async waitsForUs(termination: Termination): Promise<boolean> {
    // An instance that is launched into the warm pool waits in this state for a launching hook. Only asking tells.
    if (termination.state !== 'Warmed:Pending:Wait' || termination.token) return true;
    return this.options.autoScaling.heartbeat(termination);
  }

  async complete(termination: Termination, result: 'CONTINUE' | 'ABANDON'): Promise<boolean> {
    const completed = await this.options.autoScaling.complete(termination, result);
    this.#completed.add(termination.instanceId);
    this.options.heartbeats.forget(termination.instanceId);
    return completed;
  }

  async heartbeat(waiting: readonly Termination[]): Promise<void> {
    const now = this.options.clock.now();
    const { owed, lastSweep } = this.options.heartbeats;
    const last = {
      ...(this.#lastLook !== undefined && { look: this.#lastLook }),
      ...(lastSweep !== undefined && { sweep: lastSweep }),
    };
    const due = waiting.filter(
      (each) => owed.has(each.instanceId) || heartbeatDue(each.instanceId, each.heartbeatTimeoutSeconds, now, last),
    );
    await pMap(due, (each) => this.#beat(each, now), { concurrency: CONCURRENCY });
    this.#lastLook = now;
  }

  async #beat(termination: Termination, lookedAt: number): Promise<void> {
    const { autoScaling, clock, heartbeats, journal, meter } = this.options;
    const { instanceId, group, heartbeatTimeoutSeconds } = termination;
    const slot = heartbeatSlot(instanceId, heartbeatTimeoutSeconds, lookedAt);
    if (heartbeats.served.get(instanceId) === slot) return;
    heartbeats.served.set(instanceId, slot);
    heartbeats.owed.delete(instanceId);
    try {
      if (clock.now() > lookedAt + HEARTBEATS_MS)
        throw new Error('Auto Scaling answers so slowly that no time was left');
      // Refused where the instance waits for another hook, ours being done.
      if (await autoScaling.heartbeat(termination)) journal.debug('heartbeat', { instanceId, group });
    } catch (error) {
      heartbeats.served.delete(instanceId);
      heartbeats.owed.add(instanceId);
      meter.add('HeartbeatsRefused', 1);
      journal.warn('heartbeat refused', { instanceId, group, because: messageOf(error) });
    }
  }

  async backInService(instanceIds: readonly string[]): Promise<Map<string, string>> {
    const states = await this.options.autoScaling.instances(instanceIds);
    const ours = states.filter(({ state, group }) => state === 'InService' && this.groupConfig(group));
    return new Map(ours.map(({ instanceId, group }) => [instanceId, group]));
  }

  protected abstract look(): Promise<Termination[]>;

  protected groupConfig(name: string): GroupConfig | undefined {
    return this.options.groups.find((group) => group.name === name);
  }

  /** What EC2 and the scaling activities add to the state. They explain; without them the run goes on. */
  protected async describe(states: readonly InstanceState[], since: Map<string, number>): Promise<Termination[]> {
    const ids = states.map(({ instanceId }) => instanceId);
    const facts = await describeInstances(this.options.ec2, ids).catch((error) => {
      this.options.journal.warn('EC2 does not say what it runs', { because: messageOf(error) });
      return new Map<string, InstanceFacts>();
    });
    const timeouts = new Map<string, number>();
    const present = new Set(states.map(({ group }) => group));
    const groups = this.options.groups.filter(({ name }) => present.has(name));
    await pMap(groups, async (group) => timeouts.set(group.name, await this.options.hooks.of(group)), {
      concurrency: CONCURRENCY,
    });
    return states.flatMap((state) => {
      const group = this.groupConfig(state.group);
      const timeout = timeouts.get(state.group);
      if (!group || timeout === undefined) return [];
      return [this.#termination(state, group, timeout, facts.get(state.instanceId), since.get(state.instanceId))];
    });
  }

  #termination(
    { instanceId, state }: InstanceState,
    group: GroupConfig,
    heartbeatTimeoutSeconds: number,
    facts: InstanceFacts = { ec2: 'unknown' },
    since: number | undefined,
  ): Termination {
    // Auto Scaling holds no instance longer than its cap: an older date (an event replayed by hand) is of another wait.
    const now = this.options.clock.now();
    const oldest = now - globalCapSeconds(heartbeatTimeoutSeconds) * 1000;
    const { seenSince } = this.options.heartbeats;
    if (!seenSince.has(instanceId)) seenSince.set(instanceId, now);
    return {
      instanceId,
      group: group.name,
      hook: group.hook,
      state,
      held: isHeld(state),
      heartbeatTimeoutSeconds,
      ...facts,
      seenSince: seenSince.get(instanceId) ?? now,
      ...(since !== undefined && since > oldest && { since }),
    };
  }
}

/** Every instance of the configured groups that waits for our hook: what the sweep looks at. */
export class EveryTermination extends Waiting {
  /** Starts of waits found so far. They do not change, so each is looked for once. */
  readonly #since = new Map<string, number>();

  override async heartbeat(waiting: readonly Termination[]): Promise<void> {
    const now = this.options.clock.now();
    await super.heartbeat(waiting);
    this.options.heartbeats.lastSweep = now;
  }

  protected override async look(): Promise<Termination[]> {
    const { autoScaling, groups, journal } = this.options;
    const members = await autoScaling.members(groups.map(({ name }) => name));
    const held = members.filter(({ state }) => isHeld(state));
    this.options.heartbeats.keepOnly(new Set(held.map(({ instanceId }) => instanceId)));
    const date = async ({ name }: GroupConfig) => {
      const undated = held.filter(({ group, instanceId }) => group === name && !this.#since.has(instanceId));
      if (undated.length === 0) return;
      try {
        const began = await autoScaling.waitsBegan(name, new Set(undated.map(({ instanceId }) => instanceId)));
        for (const [instanceId, time] of began) this.#since.set(instanceId, time);
      } catch (error) {
        const because = messageOf(error);
        journal.warn('no scaling activities: waits are dated by their drain', { group: name, because });
      }
    };
    await pMap(groups, date, { concurrency: CONCURRENCY });
    return this.describe(held, this.#since);
  }
}

/** The one instance of a lifecycle event, once Auto Scaling itself says that it goes. */
export class OneTermination extends Waiting {
  readonly #event: LifecycleEvent;
  readonly #until: number;

  /** @param until how long to look again while Auto Scaling does not yet say so, milliseconds since the epoch */
  constructor(options: TerminationsOptions, event: LifecycleEvent, until: number) {
    super(options);
    this.#event = event;
    this.#until = until;
  }

  /** Heartbeats are the sweep's, but for a hook that would not live to see one. */
  override async heartbeat(waiting: readonly Termination[]): Promise<void> {
    await super.heartbeat(waiting.filter(({ heartbeatTimeoutSeconds }) => lapsesBeforeSweep(heartbeatTimeoutSeconds)));
  }

  protected override async look(): Promise<Termination[]> {
    const { autoScaling, clock, journal } = this.options;
    const { instanceId, group, time, token } = this.#event;
    for (;;) {
      const [state] = await autoScaling.instances([instanceId]);
      const mine = state?.group === group ? state : undefined;
      if (mine && (isHeld(mine.state) || isGoing(mine.state))) {
        const since = new Map(time === undefined ? [] : [[instanceId, time]]);
        return (await this.describe([mine], since)).map((each) => ({ ...each, ...(token && { token }) }));
      }
      if (mine?.state !== 'InService' || clock.now() + RELOOK_MS > this.#until) {
        const because = `Auto Scaling says ${mine?.state ?? 'that it is in no group'}`;
        journal.info('the instance does not wait for us', { instanceId, nodeId: UNKNOWN, group, because });
        return [];
      }
      await clock.sleep(RELOOK_MS);
    }
  }
}
