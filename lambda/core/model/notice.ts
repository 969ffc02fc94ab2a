import type { EpochMs } from './clock.ts';
/**
 * What AWS says of an instance before it goes, while Auto Scaling does not hold it yet: a Spot interruption warning, a rebalance
 * recommendation, or scheduled maintenance of its host.
 */
export type Notice =
  /** EC2 ends the instance at `endsAt`, hook or not: a Spot instance, or one of an interruptible capacity reservation. */
  | { kind: 'spot' | 'reservation'; endsAt: EpochMs }
  /** EC2 may interrupt it soon. `how`: drain its node, or only make that ineligible. */
  | { kind: 'rebalance'; how: 'drain' | 'cordon'; restoreAt: number }
  /** Its host is rebooted, or it is stopped, from `startsAt` on. */
  | { kind: 'maintenance'; startsAt: number; restoreAt: number };

/** How long before the interruption of a Spot instance EC2 warns, in milliseconds. */
export const SPOT_WARNING_MS = 120_000;
/** What is left of that for tasks to be killed in order, in milliseconds: Nomad gives a task 5 s by default, others ask for more. */
const SPOT_KILL_MS = 30_000;
/** A Spot instance that is in service so long after it should have been interrupted stays, in milliseconds. */
const SPOT_STAYS_MS = 600_000;
/** Maintenance may find its drain late by this, in milliseconds: sweeps, and EC2's own lists. */
const MAINTENANCE_SLACK_MS = 600_000;

/** When the drain of a node has to be over; undefined where nothing says so. */
export function drainedBy(notice: Notice, policy: { killMarginSeconds: number }): number | undefined {
  switch (notice.kind) {
    case 'spot':
    case 'reservation':
      return notice.endsAt - SPOT_KILL_MS;
    case 'maintenance':
      return notice.startsAt - policy.killMarginSeconds * 1000;
    case 'rebalance':
      return undefined;
  }
}

/** When a node is made eligible again, if its instance is still in service then. */
export const restoredAt = (notice: Notice): number =>
  'endsAt' in notice ? notice.endsAt + SPOT_STAYS_MS : notice.restoreAt;

/** How long before maintenance a drain starts, in milliseconds: its builds have their whole deadline. */
export const maintenanceLeadMs = (policy: { deadlineSeconds: number; killMarginSeconds: number }): number =>
  (policy.deadlineSeconds + policy.killMarginSeconds) * 1000 + MAINTENANCE_SLACK_MS;
