import type { Allocation } from './allocation.ts';
import type { Clock } from './clock.ts';
import type { DrainOrder } from './decision.ts';
import type { DrainEvent } from './drain-event.ts';
import type { MetricName } from './metrics.ts';
import type { DrainRecord } from './node.ts';
import type { Observation } from './observation.ts';
import type { Policy } from './policy.ts';
import type { Termination } from './termination.ts';

/** Auto Scaling and EC2, as the story needs them, for the length of one run. */
export interface Terminations {
  /** The instances that wait for our hook now. Not read again in every pass. */
  waiting(): Promise<Termination[]>;
  /** Whether the instance waits for *our* hook, if its state alone does not tell. */
  waitsForUs(termination: Termination): Promise<boolean>;
  /** Releases the instance. @returns false if it was released before */
  complete(termination: Termination, result: 'CONTINUE' | 'ABANDON'): Promise<boolean>;
  /** Sends the heartbeats that are due. Never throws. */
  heartbeat(waiting: readonly Termination[]): Promise<void>;
  /** Those of these instances that are `InService` in one of our groups now, each with its group. */
  backInService(instanceIds: readonly string[]): Promise<Map<string, string>>;
}

/** The Nomad nodes of the instances, as the story needs them, for the length of one run. */
export interface Nodes {
  /** Begins a pass with the questions whose one answer covers all nodes. Never throws: see {@link observe}. */
  refresh(): Promise<void>;
  /** What Nomad says of the nodes of one instance. Never throws: a failure is an observation too. */
  observe(termination: Termination): Promise<Observation>;
  /** What the token may do, as of the last refresh; undefined if Nomad did not answer. */
  readonly permissions: { everyNamespace: boolean; missing: string[] } | undefined;
  /** @returns false if a drain should be started and is on already */
  startDrain(nodeId: string, order: DrainOrder, record: DrainRecord): Promise<boolean>;
  /** Resolves when a drained node changes, after `ms` milliseconds at the latest. */
  changed(ms: number): Promise<void>;
}

/** The nodes that we have drained, whatever happened to their instances. */
export interface DrainedNodes {
  /** As the last refresh of the nodes found them. */
  drainedByUs(): { nodeId: string; instanceId: string; startedAt: number }[];
  /** Makes a node eligible again. @returns false if somebody has changed its eligibility since its drain */
  giveBack(nodeId: string): Promise<boolean>;
}

/** The logs of tasks. */
export interface Logs {
  /** The end of what these allocations wrote to stderr, by their ids. Never throws: what cannot be read is left out. */
  stderrTails(allocations: readonly Allocation[]): Promise<Map<string, string>>;
}

/** Stands for an unknown value in a log record: the logger drops empty fields, and these must always be there. */
export const UNKNOWN = '-';

/** The log: one JSON record for each call. */
export interface Journal {
  debug(message: string, fields: Record<string, unknown>): void;
  info(message: string, fields: Record<string, unknown>): void;
  warn(message: string, fields: Record<string, unknown>): void;
  error(message: string, fields: Record<string, unknown>): void;
}

/** Takes measurements. A value is one occurrence: a count, or a duration in seconds. */
export interface Meter {
  add(name: MetricName, value: number): void;
}

/** Sends events to an event bus. */
export interface Announcements {
  /** Why each stuck instance is stuck, by its id: a warm function announces it once. */
  readonly stuck: Map<string, string>;
  /** Never throws: events that get lost are measured and logged. */
  send(events: readonly DrainEvent[]): Promise<void>;
}

/** Everything outside the core that a run uses. */
export interface Ports {
  terminations: Terminations;
  nodes: Nodes;
  drainedNodes: DrainedNodes;
  logs: Logs;
  clock: Clock;
  journal: Journal;
  meter: Meter;
  announcements: Announcements;
}

/** The options of a run. */
export interface RunOptions {
  policy: Policy;
  /** When no further pass begins, milliseconds since the epoch. */
  until: number;
  /** Change nothing, and report what would be done. */
  dryRun: boolean;
}
