import pMap from 'p-map';
import { type HookConfig, hookKey } from '../../config/config.ts';
import { messageOf } from '../../core/basics.ts';
import { hookHolds } from '../../core/decide/deadlines.ts';
import type { Clock, EpochMs } from '../../core/model/clock.ts';
import { LAUNCHING, TERMINATING } from '../../core/model/termination.ts';
import type { Logger } from '../../core/ports.ts';
import type { AutoScaling, HookFacts } from '../auto-scaling.ts';

/** How long what was read of a hook holds, in milliseconds. A hook that is missing or wrong is read each time. */
const FRESH_MS = 600_000;
/** The same of a group in which an instance waits: its heartbeats depend on it. In milliseconds. */
const SOON_MS = 30_000;
/** The timeout for the cap of a hook that cannot be read and has no configured one, in seconds. */
const CAUTIOUS_TIMEOUT = 300;
/** Hooks read at once. */
const CONCURRENCY = 4;

/** What Auto Scaling has said of a hook, and when. */
interface Known {
  facts: HookFacts;
  readAt: EpochMs;
}

/** What a warm function remembers of the hooks, by their keys. */
export type HookMemory = Map<string, Known>;

const keyOf = ({ name, hook }: HookConfig): string => hookKey(name, hook);

/** What is wrong with the hooks. */
interface HookProblems {
  /** A run fails while these last. */
  failures: string[];
  /** What could not be read: it may be in order or not. */
  unknown: string[];
}

interface HooksOptions {
  autoScaling: Pick<AutoScaling, 'hook'>;
  clock: Clock;
  logger: Logger;
  memory: HookMemory;
  /** Use the configured heartbeat timeout without reading the hook: the drain of an event's run does not wait for it. */
  asConfigured: boolean;
}

/** The lifecycle hooks of the groups, for the length of one run. */
export class Hooks {
  readonly #options: HooksOptions;
  /** What is being read or has been read in this run. */
  readonly #reading = new Map<string, Promise<void>>();
  /** Why a hook could not be read in this run. */
  readonly #unread = new Map<string, string>();

  constructor(options: HooksOptions) {
    this.#options = options;
  }

  /** The heartbeat timeout of a group's hook, in seconds: the last one known, or the configured one, if it cannot be read. */
  async of(group: HookConfig): Promise<number> {
    const isConfigured = this.#options.asConfigured && group.heartbeatTimeoutSeconds !== undefined;
    return isConfigured ? this.#known(group) : this.now(group);
  }

  /** The same, read now. */
  async now(group: HookConfig): Promise<number> {
    await this.#read(group, SOON_MS);
    return this.#known(group);
  }

  /** Whether anything says what the heartbeat timeout is. */
  knows(hook: HookConfig): boolean {
    return hook.heartbeatTimeoutSeconds !== undefined || this.#options.memory.get(keyOf(hook))?.facts.is === 'there';
  }

  #known(hook: HookConfig): number {
    const facts = this.#options.memory.get(keyOf(hook))?.facts;
    return facts?.is === 'there' ? facts.seconds : (hook.heartbeatTimeoutSeconds ?? CAUTIOUS_TIMEOUT);
  }

  /** Reads the hooks of these groups, except those that were found in order less than ten minutes ago. */
  async readAll(groups: readonly HookConfig[]): Promise<void> {
    await pMap(groups, (group) => this.#read(group, FRESH_MS), { concurrency: CONCURRENCY });
  }

  /** What is wrong with the hooks of these groups. A hook that could not be read is neither missing nor there. */
  problems(groups: readonly HookConfig[]): HookProblems {
    const { memory } = this.#options;
    const unknown = groups.flatMap((group) => {
      const because = this.#unread.get(keyOf(group));
      const { name, hook } = group;
      return because === undefined
        ? []
        : `Auto Scaling does not say whether group ${name} has hook ${hook}: ${because}`;
    });
    const asked = groups.filter((group) => !this.#unread.has(keyOf(group)));
    return {
      failures: asked.flatMap((group) => problemOf(memory.get(keyOf(group))?.facts, group) ?? []),
      unknown,
    };
  }

  #read(group: HookConfig, freshMs: number): Promise<void> {
    const { memory, clock } = this.#options;
    const known = memory.get(keyOf(group));
    if (known?.facts.is === 'there' && clock.now() - known.readAt < freshMs) return Promise.resolve();
    const reading = this.#reading.get(keyOf(group)) ?? this.#ask(group);
    this.#reading.set(keyOf(group), reading);
    return reading;
  }

  async #ask(group: HookConfig): Promise<void> {
    const { autoScaling, clock, logger, memory } = this.#options;
    try {
      memory.set(keyOf(group), { facts: await autoScaling.hook(group), readAt: clock.now() });
    } catch (error) {
      this.#unread.set(keyOf(group), messageOf(error));
      logger.warn('lifecycle hook cannot be read', { group: group.name, because: messageOf(error) });
    }
  }
}

/** What is wrong with a hook, and what to do about it. */
function problemOf(facts: HookFacts | undefined, { name, hook, policy, launching }: HookConfig): string | undefined {
  const goes = launching ? 'are put into service before their nodes are ready' : 'are terminated undrained';
  switch (facts?.is) {
    case undefined:
      return undefined;
    case 'no group':
      return `Auto Scaling has no group ${name}: no instances are drained there; correct its name in the settings, or remove it`;
    case 'no hook':
      return `group ${name} has no lifecycle hook ${hook}: its instances ${goes}; recreate it, or deploy with another ${launching ? 'launchHookName' : 'hookName'}`;
    case 'other transition':
      return (
        `hook ${hook} of group ${name} is for ${facts.transition}: its instances ${goes}; ` +
        `change it to ${launching ? LAUNCHING : TERMINATING}`
      );
    case 'there':
      if (launching || hookHolds(policy, facts.seconds)) return undefined;
      // The run fails only after its instances were served as well as the hook allows: a wrong setting must not cost a build.
      return (
        `hook ${hook} of group ${name} (heartbeat timeout ${facts.seconds} s) cannot hold an instance for the drain deadline ` +
        `of ${policy.deadlineSeconds} s and the kill margins: its drains get less time`
      );
  }
}
