import type { EndedBuild, Running } from '../candidate.ts';
import type { Clients, Known, Suggested } from '../choose.ts';
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
  readonly clients: Clients & {
    /** Like `read`, as far as the token sees it: more may run. */
    readVisible(suggested: readonly Suggested[]): Promise<Known>;
  };
  readonly jobs: Jobs;
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

/** Nomad's jobs, as this question needs them. A namespace of `*` stands for all that the token may read. */
export interface Jobs {
  /** Allocations that their clients have not ended. */
  alive(namespace: string): Promise<ListedAllocation[]>;
  /** The last ones that have ended. `more`: there are earlier ones. */
  ended(namespace: string): Promise<{ allocations: ListedAllocation[]; more: boolean }>;
  /** What the scheduler could not place yet. */
  waiting(namespace: string): Promise<WaitingJob[]>;
}

/** An allocation in a list. Times are milliseconds since the epoch. */
export interface ListedAllocation {
  id: string;
  job: string;
  jobType: string;
  namespace: string;
  taskGroup: string;
  status: string;
  nodeName: string;
  createdAt: number;
  /** When it ended, if it has. */
  changedAt: number;
}

/** A job of which something waits. */
export interface WaitingJob {
  job: string;
  jobType: string;
  namespace: string;
  /** Milliseconds since the epoch. */
  since: number;
  waits: Wait[];
}

/** What the scheduler could not place, and why. */
export interface Wait {
  /** Absent if all of the job waits. */
  taskGroup?: string;
  /** How many allocations wait. */
  count?: number;
  because: string;
}
