import type { AllocationReport } from './allocation-report.ts';
import type { Outcome } from './decision.ts';

/** The `source` of the events that the function puts on the bus, and what each tells. */
export const EVENT_SOURCE = 'nomad-drain-hook';
export const EVENT_TYPES = {
  started: 'Nomad Drain Started',
  stuck: 'Nomad Drain Stuck',
  ended: 'Nomad Drain Ended',
} as const;

/** A drain has begun, cannot go on by itself, or has ended: for whoever listens on the event bus. */
export interface DrainEvent {
  type: keyof typeof EVENT_TYPES;
  /** Milliseconds since the epoch. */
  at: number;
  /** Part of the detail on the bus, like all that follows: why, in a sentence. */
  because: string;
  detail: DrainEventDetail;
  /** On the bus in ISO 8601. */
  times: DrainEventTimes;
}

/** Milliseconds since the epoch; what is not known is left out. */
export interface DrainEventTimes {
  waitingSince?: number | undefined;
  drainStartedAt?: number | undefined;
  /** When Nomad kills what still runs. */
  deadlineAt?: number | undefined;
  /** When the last allocation ended. */
  emptySince?: number | undefined;
  endedAt?: number | undefined;
}

/** What an event tells. */
export interface DrainEventDetail {
  instanceId: string;
  group: string;
  hook: string;
  /** The Nomad node; null where none is known. */
  nodeId: string | null;
  nodeName?: string;
  /** How it ended, and what Auto Scaling was answered: in `Nomad Drain Ended` alone. */
  outcome?: Outcome;
  result?: 'CONTINUE' | 'ABANDON';
  /** What is waited for, the oldest first; at most fifty are listed. */
  allocations: AllocationReport[];
  /** How many there are in all. */
  allocationCount: number;
  /** What did not end by itself, at most fifty listed, and how many there are: in `Nomad Drain Ended` alone. */
  killed?: AllocationReport[];
  killedCount?: number;
}
