import type { EndedBuild, Running } from '../candidate.ts';
import type { Clients } from '../choose.ts';
import type { Clock } from '../clock.ts';
import type { Needs } from '../needs.ts';
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
  /** The builds that were begun last, of those that have ended, and whether these are all that Nomad has. */
  endedBuilds(): Promise<{ builds: readonly EndedBuild[]; all: boolean }>;
  /** Task groups of services that Nomad cannot place now, by `groupKey`, each with the scheduler's reason. */
  blockedGroups(): Promise<ReadonlyMap<string, string>>;
  /** What the task groups of services ask of a node, by `groupKey`. Of many, and of those that cannot be read, nothing is said. */
  needsOf(services: readonly Running[]): Promise<ReadonlyMap<string, Needs>>;
}

/** An instance of a group. */
export interface Member {
  instanceId: string;
  group: string;
  /** Its lifecycle state, such as `InService`. */
  state: string;
}
