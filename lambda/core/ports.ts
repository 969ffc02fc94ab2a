import type { Allocation, TaskGroup } from './model/allocation.ts';
import type { EpochMs, RunClock } from './model/clock.ts';
import type { DrainOrder } from './model/decision.ts';
import type { DrainEvent } from './model/drain-event.ts';
import type { MetricName } from './model/metrics.ts';
import type { DrainRecord } from './model/node.ts';
import type { Observation } from './model/observation.ts';
import type { Policy } from './model/policy.ts';
import type { Termination } from './model/termination.ts';

/** Auto Scaling and EC2, as the story needs them, for the length of one run. */
export interface Terminations {
  /** The instances that wait for our hook, as of ten seconds ago at the most. */
  waiting(): Promise<Termination[]>;
  /** When {@link waiting} asks anew; undefined if it has just asked. */
  readonly asksAgainAt: EpochMs | undefined;
  /** The same of these instances alone, as of now. What EC2 does not say is unknown. @throws Error if Auto Scaling does not say */
  stillWaiting(terminations: readonly Termination[]): Promise<Termination[]>;
  /** Whether the instance still waits, for *our* hook: asked before a node is touched. */
  waitsForUs(termination: Termination): Promise<boolean>;
  /** Releases the instance. @returns false if it was released before */
  complete(termination: Termination, result: 'CONTINUE' | 'ABANDON'): Promise<boolean>;
  /** The run ends, and with it the heartbeats that are sent beside it. Never throws. */
  end(): Promise<void>;
  /** Those of these instances that are `InService` in one of our groups now, each with its group. */
  backInService(instanceIds: readonly string[]): Promise<Map<string, string>>;
  /** Those of these instances that EC2 says are terminated, or does not know. */
  terminated(instanceIds: readonly string[]): Promise<Set<string>>;
  /** The instances that Auto Scaling retains for a person to look at, as of the last answer to {@link waiting}. */
  readonly retained: readonly RetainedInstance[];
  /** Those that are in service in the groups, as of the last answer to {@link waiting}. */
  readonly inService: readonly { instanceId: string; group: string }[];
  /** What could not be asked of AWS for {@link waiting}, and has to be; each in a sentence. */
  readonly problems: readonly string[];
}

/** An instance whose lifecycle action was abandoned, in a group that retains such instances. */
export interface RetainedInstance {
  instanceId: string;
  group: string;
  /** Its lifecycle state, such as `Terminating:Retained`. */
  state: string;
}

/** An instance in service that Nomad has no live node of, though it has run for ten minutes. */
export interface MissingClient {
  instanceId: string;
  group: string;
  launchedAt: EpochMs;
}

/** The Nomad nodes of the instances, as the story needs them, for the length of one run. */
export interface Nodes {
  /**
   * Begins a pass, while AWS lists the waiting instances, with the questions whose one answer covers all nodes. Resolves when both have
   * answered. Never throws: see {@link observe}.
   */
  refresh(waiting: Promise<readonly Termination[]>): Promise<void>;
  /** What Nomad says of the nodes of one instance. Never throws: a failure is an observation too. */
  observe(termination: Termination): Promise<Observation>;
  /**
   * The second look, past all that is remembered: no instance that ran is released without it. Never throws.
   * @returns what Nomad says of the nodes of each instance
   */
  prove(terminations: readonly Termination[]): Promise<Map<string, Proven>>;
  /** The services that drains of these nodes have stopped, and that run nowhere now. Never throws: what cannot be read is left out. */
  runNowhere(seen: Observation): Promise<TaskGroup[]>;
  /** What the token may do, as this run has read it last; undefined if it has not, or Nomad did not answer. */
  readonly permissions: { everyNamespace: boolean; missing: string[] } | undefined;
  /** Why Nomad does not answer as it should, each in a sentence: known even if no instance waits. */
  readonly problems: readonly string[];
  /** @returns false if a drain should be started and is on already */
  startDrain(nodeId: string, order: DrainOrder, policy: Policy, record: DrainRecord): Promise<boolean>;
  /** Asks Nomad to stop an allocation. @throws Error if Nomad does not, or the token may not (`alloc-lifecycle`) */
  stop(allocationId: string): Promise<void>;
  /** Whether {@link changed} resolves at once when a drained node changes; else only after its time. */
  readonly tellsChanges: boolean;
  /**
   * Resolves when a drained node changes, after `ms` milliseconds at the latest.
   * @param orAllocations also when allocations change, of whatever node
   */
  changed(ms: number, options: { orAllocations: boolean }): Promise<void>;
}

/** What a proof rests on. */
export interface Proven {
  seen: Observation;
  /** The token that has read it may read the jobs of every namespace. */
  seesEveryNamespace: boolean;
}

/** The eligibility of nodes: those that we make ineligible, whatever then becomes of their instances. */
export interface Eligibility {
  /** Makes a node ineligible until `restoreAt`, so that nothing new lands there. @returns false if it is not eligible any more */
  cordon(nodeId: string, instanceId: string, restoreAt: number): Promise<boolean>;
  /** Makes a node ineligible that is drained in a moment: nothing that another drain moves may land there. */
  makeIneligible(nodeId: string): Promise<void>;
  /**
   * Makes a node eligible whose instance is about to be put into service: one that has registered as ineligible, or that our last drain
   * has left so. @returns false if it is another's doing, or not time yet
   */
  admit(nodeId: string, instanceId: string): Promise<boolean>;
  /** Those that are not down. */
  list(): Promise<IneligibleNode[]>;
  /** Makes a node eligible again. @returns false if its eligibility has been changed since */
  restore(node: IneligibleNode): Promise<boolean>;
}

/** A node that we have made ineligible. */
export interface IneligibleNode {
  nodeId: string;
  instanceId: string;
  how: 'drain' | 'cordon';
  /** When that began. */
  since: EpochMs;
  /** Not before then is it made eligible again. */
  restoreAt?: EpochMs;
}

/** The nodes of instances that have ended. */
export interface EndedNodes {
  /** Those that are down and that our drain names, by instance. */
  drainedByUs(): Promise<{ nodeId: string; instanceId: string }[]>;
  /** Removes a node from Nomad. @returns false if it is not down any more, or not that of the instance */
  purge(nodeId: string, instanceId: string): Promise<boolean>;
}

/** The logs of tasks. */
interface TaskLogs {
  /** The end of what these allocations wrote to stderr, by their ids. Never throws: what cannot be read is left out. */
  stderrTails(allocations: readonly Allocation[]): Promise<Map<string, string>>;
}

/** Stands for an unknown value in a log record: the logger drops empty fields, and these must always be there. */
export const UNKNOWN = '-';

/** The log: one JSON record for each call. */
export interface Logger {
  debug(message: string, fields: Record<string, unknown>): void;
  info(message: string, fields: Record<string, unknown>): void;
  warn(message: string, fields: Record<string, unknown>): void;
  error(message: string, fields: Record<string, unknown>): void;
}

/** Takes measurements. A value is one occurrence: a count, or a duration in seconds. */
export interface Metrics {
  add(name: MetricName, value: number): void;
}

/** Sends events to an event bus. */
export interface EventPublisher {
  /** Why each stuck instance is stuck, by its id: a warm function announces it once. */
  readonly stuck: Map<string, string>;
  /** Never throws: events that get lost are measured and logged. */
  send(events: readonly DrainEvent[]): Promise<void>;
}

/** Everything outside the core that a run uses. */
export interface Ports {
  terminations: Terminations;
  nodes: Nodes;
  eligibility: Eligibility;
  /** Absent where nodes are not to be purged. */
  endedNodes?: EndedNodes;
  /** Those of these instances that Nomad should know and does not; absent where that is not asked in this run. */
  missingClients?: (inService: Terminations['inService']) => Promise<MissingClient[]>;
  logs: TaskLogs;
  clock: RunClock;
  logger: Logger;
  metrics: Metrics;
  publisher: EventPublisher;
}

/** The options of a run. */
export interface RunOptions {
  /** When no further pass begins. */
  until: EpochMs;
  /** Change nothing, and report what would be done. */
  dryRun: boolean;
}
