import type { Clients } from '../choose.ts';
import type { Clock } from '../clock.ts';
import type { Policy } from '../policy.ts';

/** What answers need of the world, for the length of one run. Nothing here can change anything. */
export interface AnswerPorts {
  /** The groups that the function serves. */
  readonly groups: readonly { name: string; hook: string }[];
  readonly policy: Policy;
  readonly clock: Pick<Clock, 'now'>;
  /** The instances of these groups, and of their warm pools. */
  members(): Promise<readonly Member[]>;
  /** What the token may see and do. */
  permissions(): Promise<{ everyNamespace: boolean; missing: string[] }>;
  readonly clients: Clients;
}

/** An instance of a group. */
export interface Member {
  instanceId: string;
  group: string;
  /** Its lifecycle state, such as `InService`. */
  state: string;
}
