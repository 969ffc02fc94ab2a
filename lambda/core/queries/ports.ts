import type { Allocation } from '../model/allocation.ts';
import type { Clock, EpochMs } from '../model/clock.ts';
import type { Policy } from '../model/policy.ts';
import type { Running } from '../scale-in/candidate.ts';
import type { Clients, Known, Suggested } from '../scale-in/choose.ts';
import type { EndedBuild } from '../scale-in/durations.ts';
import type { KnownNeeds } from '../scale-in/placement.ts';

/** A group that the function serves. */
export interface ServedGroup {
  name: string;
  hook: string;
  policy: Policy;
}

/** What answers need of the world, for the length of one run. Nothing here can change anything. */
export interface AnswerPorts {
  /** The groups that the function serves. */
  readonly groups: readonly ServedGroup[];
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
  readonly logs: Logs;
  readonly examination: Examination;
  /** The builds that were begun last, of those that have ended, and whether these are all that Nomad has. */
  endedBuilds(): Promise<{ builds: readonly EndedBuild[]; all: boolean }>;
  /** Task groups of services that Nomad cannot place now, by `groupKey`, each with the scheduler's reason. */
  blockedGroups(): Promise<ReadonlyMap<string, string>>;
  /** What the task groups of services ask of a node. Of many, and of those that cannot be read, nothing is said. */
  needsOf(services: readonly Running[]): Promise<KnownNeeds>;
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
  /** Whether Nomad has this namespace, and the token sees it. */
  hasNamespace(namespace: string): Promise<boolean>;
}

/** An allocation in a list. */
export interface ListedAllocation {
  id: string;
  job: string;
  jobType: string;
  namespace: string;
  taskGroup: string;
  status: string;
  /** It did not end by itself: a drain has killed it, or a user or Nomad has stopped it. */
  endedBy?: 'drain' | 'stop';
  nodeName: string;
  createdAt: EpochMs;
  /** When it ended, if it has. */
  changedAt: EpochMs;
}

/** A job of which something waits. */
export interface WaitingJob {
  job: string;
  jobType: string;
  namespace: string;
  since: EpochMs;
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

/** What tasks have written, as far as Nomad's clients still have it. */
export interface Logs {
  /** The allocations whose ids begin with this prefix, at most `most`. */
  beginningWith(prefix: string, most: number): Promise<LoggedAllocation[]>;
  /** The nodes that name this instance; or those of this name, or if there is none those whose ids begin so. */
  onNodes(where: { instanceId: string } | { node: string }): Promise<LoggedNode[]>;
  /** The end of a log. Never throws: that it cannot be read is an answer too. */
  end(question: LogQuestion): Promise<LogEnd>;
}

/** A node with all its allocations. */
export interface LoggedNode {
  id: string;
  name: string;
  status: string;
  allocations: LoggedAllocation[];
}

/** An allocation, and where it is. */
export type LoggedAllocation = Allocation & { nodeId: string };

export interface LogQuestion {
  allocationId: string;
  namespace: string;
  task: string;
  stream: 'stderr' | 'stdout';
  /** How much of its end. */
  bytes: number;
  /** Only what was written since: as an earlier answer said. */
  offset?: string | undefined;
}

export type LogEnd =
  /** `cut`: there is more before the text, or between `offset` and the text, than was read. */
  | { text: string; offset: string; cut?: true }
  /** It cannot be read. */
  | { because: string };

/** What the function's surroundings say of themselves. */
export interface Examination {
  readonly software: { version: string; runtime: string };
  /** When the last sweep began in this environment of the function. */
  readonly lastSweepAt: EpochMs | undefined;
  /** The address of Nomad's leader; empty if there is none. */
  leader(): Promise<string>;
  /** The client or the instance that has answered for Nomad; undefined where the servers are asked themselves. */
  through(): string | undefined;
  /** The servers of the region. */
  servers(): Promise<Server[]>;
  /** What each address shows when a connection is made; none where Nomad is asked through instances. */
  certificates(): Promise<ShownCertificate[]>;
  /** The hook of each group, read now. */
  hooks(): Promise<{ group: string; hook: string; problem?: string; unknown?: string }[]>;
  /** The nodes of instances that no node names. */
  nodesByAddress(instanceIds: readonly string[]): Promise<NodeOfInstance[]>;
  /** A sentence for each group that does not ask a function who goes; undefined where none has to. */
  groupsThatDoNotAsk(): Promise<string[] | undefined>;
  /** How each group that Auto Scaling has is protected against its deletion; undefined if Auto Scaling does not say. */
  deletionProtections(): Promise<ReadonlyMap<string, DeletionProtection | undefined>>;
  /** The last drains of ineligible nodes that this software has not requested, cancelled ones left out. */
  drainsOfOthers(): Promise<OtherDrain[]>;
  /**
   * How long after its beginning the deadline of the last drain of each of these nodes is, or was, in seconds; `never` for a drain without
   * one. Nodes of which Nomad does not know it are absent.
   */
  drainDeadlines(nodeIds: readonly string[]): Promise<ReadonlyMap<string, number | 'never'>>;
  /** The instances that may be asked for Nomad; undefined where it is asked over the network. */
  runCommandOn(): Promise<string[] | undefined>;
}

/** Which deletions of its group Auto Scaling refuses. */
export type DeletionProtection = 'none' | 'prevent-force-deletion' | 'prevent-all-deletion';

/** A drain in Nomad's records that this software has not requested. */
export interface OtherDrain {
  nodeId: string;
  nodeName: string;
  /** Who requested it, by `drained_by` of its metadata, as nomad-autoscaler writes it. */
  by?: string;
  isOn: boolean;
  /** How long a drain that has ended took, in seconds; 0 for one that is on. */
  tookSeconds: number;
}

export interface Server {
  name: string;
  /** `alive`, `leaving`, `left` or `failed`. */
  status: string;
  version: string;
}

export type ShownCertificate = { address: string } & (
  | { is: 'none' }
  | { is: 'valid'; until: EpochMs; ownCa: boolean }
  | { is: 'untrusted'; because: string }
  | { is: 'unknown'; because: string }
);

export interface NodeOfInstance {
  instanceId: string;
  is: 'absent' | 'by address' | 'ambiguous' | 'unknown';
  /** When EC2 launched it, if EC2 said so. */
  launchedAt?: EpochMs;
}
