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
  /** The instances that wait for our hook now. Not asked anew in every pass. */
  waiting(): Promise<Termination[]>;
  /** Whether the instance waits for *our* hook, where its state alone does not tell. */
  waitsForUs(termination: Termination): Promise<boolean>;
  /** Releases the instance. @returns false where it had been released before */
  complete(termination: Termination, result: 'CONTINUE' | 'ABANDON'): Promise<boolean>;
  /** Keeps Auto Scaling waiting, where a heartbeat is due. Never throws. */
  heartbeat(waiting: readonly Termination[]): Promise<void>;
  /** Which of these instances serve again, `InService` in one of our groups, asked now; and in which. */
  backInService(instanceIds: readonly string[]): Promise<Map<string, string>>;
}

/** The Nomad nodes of the instances, as the story needs them, for the length of one run. */
export interface Nodes {
  /** Begins a pass, with the questions that one answer settles for all nodes. Never throws: see {@link observe}. */
  refresh(): Promise<void>;
  /** What Nomad says of the nodes of one instance. Never throws: what fails is an observation too. */
  observe(termination: Termination): Promise<Observation>;
  /** What the token may do, as of the last refresh; undefined where Nomad did not answer. */
  readonly permissions: { everyNamespace: boolean; missing: string[] } | undefined;
  /** @returns false where a drain was to be started and has been since the last refresh */
  startDrain(nodeId: string, order: DrainOrder, record: DrainRecord): Promise<boolean>;
  /** Resolves when a drained node changes, after `ms` milliseconds at the latest. */
  changed(ms: number): Promise<void>;
}

/** The nodes that we have drained, whatever has become of their instances. */
export interface DrainedNodes {
  /** As the last refresh of the nodes found them. */
  drainedByUs(): { nodeId: string; instanceId: string; startedAt: number }[];
  /** Takes a node back into service. @returns false where somebody has touched its eligibility since its drain */
  giveBack(nodeId: string): Promise<boolean>;
}

/** What tasks have written. */
export interface Logs {
  /** The end of what these allocations wrote to stderr, by their ids. Never throws: what cannot be read is left out. */
  lastWords(allocations: readonly Allocation[]): Promise<Map<string, string>>;
}

/** Stands in a record for what is not known: the logger leaves empty fields out, and each of these is always there. */
export const UNKNOWN = '-';

/** Where the run writes down what it does: one JSON record a call. */
export interface Journal {
  debug(message: string, fields: Record<string, unknown>): void;
  info(message: string, fields: Record<string, unknown>): void;
  warn(message: string, fields: Record<string, unknown>): void;
  error(message: string, fields: Record<string, unknown>): void;
}

/** What is measured. A value is one occurrence: of a count, of a duration in seconds. */
export interface Meter {
  add(name: MetricName, value: number): void;
}

/** Tells others, on an event bus. */
export interface Announcements {
  /** What each stuck instance is known to be stuck for, by its id: told once by a warm function. */
  readonly stuck: Map<string, string>;
  /** Never throws: what nobody hears is measured and logged. */
  send(events: readonly DrainEvent[]): Promise<void>;
}

/** Whom a run deals with. */
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

/** How a run goes about it. */
export interface RunOptions {
  policy: Policy;
  /** When no further pass begins, milliseconds since the epoch. */
  until: number;
  /** Change nothing, and say what would be done. */
  dryRun: boolean;
}
