import type { Clock } from '../clock.ts';
import type { GroupConfig, Policy } from '../config.ts';
import { messageOf } from '../errors.ts';
import type { Journal } from '../ports.ts';
import { hookHolds } from '../time.ts';
import type { AutoScaling } from './auto-scaling.ts';

/** How long a hook's heartbeat timeout is believed before it is read again. */
const FRESH_MS = 600_000;
/** For a hook that cannot be read and is not configured: rather too many heartbeats than a lapse. In seconds. */
const CAUTIOUS_TIMEOUT = 300;

/** The heartbeat timeouts of the groups' hooks, remembered for some minutes. */
export class HookTimeouts {
  readonly #autoScaling: AutoScaling;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #known = new Map<string, { group: GroupConfig; seconds: number; until: number }>();

  constructor(autoScaling: AutoScaling, clock: Clock, journal: Journal) {
    this.#autoScaling = autoScaling;
    this.#clock = clock;
    this.#journal = journal;
  }

  /** In seconds. The last one known, or the configured one, where the hook cannot be read now. */
  async of(group: GroupConfig): Promise<number> {
    const known = this.#known.get(group.name);
    if (known && this.#clock.now() < known.until) return known.seconds;
    try {
      const seconds = await this.#autoScaling.heartbeatTimeoutSeconds(group);
      this.#known.set(group.name, { group, seconds, until: this.#clock.now() + FRESH_MS });
      return seconds;
    } catch (error) {
      this.#journal.warn('lifecycle hook cannot be read', { group: group.name, because: messageOf(error) });
      return known?.seconds ?? group.heartbeatTimeoutSeconds ?? CAUTIOUS_TIMEOUT;
    }
  }

  /** The hooks read so far that cannot hold an instance as long as the policy wants: their drains get less time. */
  tooShort(policy: Policy): string[] {
    return [...this.#known.values()]
      .filter(({ seconds }) => !hookHolds(policy, seconds))
      .map(
        ({ group: { name, hook }, seconds }) =>
          `hook ${hook} of group ${name} (heartbeat timeout ${seconds} s) cannot hold an instance for the drain deadline ` +
          `of ${policy.deadlineSeconds} s and the kill margins: its drains get less time`,
      );
  }
}
