import type { AllocationReport, TaskGroup } from './allocation.ts';
import type { EpochMs } from './clock.ts';
import type { Outcome } from './decision.ts';
import type { Notice } from './notice.ts';
import type { Launch } from './termination.ts';

/** Why an instance goes before others, the best reason first (docs/decisions/0007). */
export type Place = 'dead' | 'leaving' | 'empty' | 'system' | 'movable' | 'unknown' | 'busy' | 'stuck';

/** The `source` of the events that the function puts on the bus, and their detail types. */
export const EVENT_SOURCE = 'nomad-drain-hook';
export const EVENT_TYPES = {
  chosen: 'Nomad Client Chosen',
  started: 'Nomad Drain Started',
  stuck: 'Nomad Drain Stuck',
  retained: 'Nomad Instance Retained',
  ended: 'Nomad Drain Ended',
  ready: 'Nomad Client Ready',
  abandoned: 'Nomad Client Abandoned',
} as const;

/** An event for the bus: an instance was chosen to go; a drain has started, is stuck, or has ended; an instance is retained, put into service, or abandoned. */
export interface DrainEvent {
  type: keyof typeof EVENT_TYPES;
  at: EpochMs;
  /** Part of the detail on the bus, like all that follows: why, in a sentence. */
  because: string;
  detail: DrainEventDetail;
  /** On the bus in ISO 8601. */
  times: DrainEventTimes;
}

/** Unknown times are left out. */
export interface DrainEventTimes {
  waitingSince?: EpochMs | undefined;
  drainStartedAt?: EpochMs | undefined;
  /** When Nomad kills what still runs. */
  deadlineAt?: EpochMs | undefined;
  /** When the last allocation ended. */
  emptySince?: number | undefined;
  endedAt?: EpochMs | undefined;
}

/** The detail of an event. */
interface DrainEventDetail {
  instanceId: string;
  group: string;
  /** Absent for an instance that waits for no hook any more. */
  hook?: string;
  /** Where it goes, if it is on its way in. */
  into?: Launch['into'];
  /** What AWS has said of the instance, if Auto Scaling did not hold it for us when its drain started. */
  notice?: Notice['kind'];
  /** Why it goes before others: only in `Nomad Client Chosen`. */
  place?: Place;
  /** The Nomad node; null if none is known. */
  nodeId: string | null;
  nodeName?: string;
  /** How it ended, and what was reported to Auto Scaling: not in the events before that. */
  outcome?: Outcome;
  result?: 'CONTINUE' | 'ABANDON';
  /** What is waited for, the oldest first; at most fifty are listed. */
  allocations: AllocationReport[];
  /** How many there are in all. */
  allocationCount: number;
  /** What did not end by itself, at most fifty listed, and how many there are: only in `Nomad Drain Ended`. */
  killed?: AllocationReport[];
  killedCount?: number;
  /** The services that the drain has stopped, and that run nowhere now: only in `Nomad Drain Ended`. */
  nowhere?: readonly TaskGroup[];
}
