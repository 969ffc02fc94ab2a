import type { EpochMs } from '../model/clock.ts';
import type { Drain } from '../model/node.ts';
import type { Policy } from '../model/policy.ts';

/**
 * How long a node has to be ineligible before an empty list of its allocations counts, in seconds. Nomad plans on a snapshot and commits
 * later (nomad/plan_apply.go): the last allocation was first seen 751 ms after the drain was accepted (1.8.4). Longer where the leader
 * is not known to be the same: an entry of a fallen leader may be committed by the next.
 */
export const SETTLE_SECONDS = { sameLeader: 3, anotherLeader: 10 } as const;

/** So long an evaluation from before that is not done keeps a node from being empty, in seconds: one that waits longer sees it. */
export const PENDING_SECONDS = 60;

/** How often EventBridge wakes the sweep, in seconds. */
export const SWEEP_SECONDS = 60;

/** Auto Scaling holds no instance longer, in seconds, whatever the hook. */
export const LONGEST_WAIT_SECONDS = 48 * 3600;

/** Auto Scaling holds no instance longer than this, in seconds: 48 h, or 100 heartbeat timeouts if that is less. */
export function globalCapSeconds(heartbeatTimeoutSeconds: number): number {
  return Math.min(LONGEST_WAIT_SECONDS, 100 * heartbeatTimeoutSeconds);
}

/**
 * How long before the cap an instance is given up, in seconds: at least one sweep begins in that time, with half a minute left
 * to observe and release it.
 */
const LAST_SECONDS = 1.5 * SWEEP_SECONDS;

/** What must be left of the cap at the drain deadline, in seconds: the kill margin, or a sweep before the last if longer. */
export function reserveSeconds(policy: Policy): number {
  return Math.max(policy.killMarginSeconds, LAST_SECONDS + SWEEP_SECONDS);
}

/** What the hook has to hold after the drain deadline, in seconds: what is killed then has the margin, and forcing the rest as much. */
export const afterDeadlineSeconds = (policy: Policy): number => policy.killMarginSeconds + reserveSeconds(policy);

/** Whether the hook can hold an instance for the whole drain, and then for killing and forcing what is left. */
export function hookHolds(policy: Policy, heartbeatTimeoutSeconds: number): boolean {
  return policy.deadlineSeconds + afterDeadlineSeconds(policy) <= globalCapSeconds(heartbeatTimeoutSeconds);
}

/** The moments that matter to one waiting instance. */
export interface Limits {
  /** A node not drained by then has its drain forced: the drain deadline plus the kill margin. */
  forceAt: EpochMs;
  /** An instance that still waits then is released as the policy says: a kill margin after the force. */
  giveUpAt: EpochMs;
  /** From then on a sweep may be the last before Auto Scaling's own cap: no drain is started or forced any more. */
  lastAt: EpochMs;
}

/**
 * When to force and when to give up: both before Auto Scaling's own cap.
 *
 * @param since when the wait began
 * @param drain the deadline that our own drain was given, and when it was forced, if known
 */
export function limits(
  since: number,
  heartbeatTimeoutSeconds: number,
  policy: Policy,
  drain: { deadlineAt?: number; forcedAt?: number } = {},
): Limits {
  const margin = policy.killMarginSeconds * 1000;
  const capAt = since + globalCapSeconds(heartbeatTimeoutSeconds) * 1000;
  const latestDeadline = latestDeadlineAt(since, heartbeatTimeoutSeconds, policy);
  const lastAt = capAt - LAST_SECONDS * 1000;
  const deadlineAt = drain.deadlineAt ?? since + policy.deadlineSeconds * 1000;
  const forceAt = Math.min(deadlineAt + margin, latestDeadline);
  return { forceAt, giveUpAt: Math.min((drain.forcedAt ?? forceAt) + margin, lastAt), lastAt };
}

/**
 * The same for a node: by its drain's deadline, ours or another's, and when our drain was forced; by the policy while no drain is in force.
 */
export function limitsOf(
  drain: Drain | undefined,
  since: EpochMs,
  heartbeatTimeoutSeconds: number,
  policy: Policy,
): Limits {
  const forcedAt = drain?.ours?.forcedAt;
  return limits(since, heartbeatTimeoutSeconds, policy, {
    ...(drain && { deadlineAt: killsAt(drain, since, policy) }),
    ...(forcedAt !== undefined && { forcedAt }),
  });
}

/** When Nomad kills what is left, by our deadline or another; once the drain is complete, not before its completion. */
function killsAt(drain: Drain, since: EpochMs, policy: Policy): EpochMs {
  const { status, deadlineAt = drain.ours?.deadlineAt ?? since + policy.deadlineSeconds * 1000, updatedAt } = drain;
  const at = deadlineAt === 'never' ? Number.POSITIVE_INFINITY : deadlineAt;
  return status === 'complete' ? Math.max(at, updatedAt) : at;
}

/** The latest deadline that a drain may have, by the hook's cap: what is left after it is the reserve. */
export function latestDeadlineAt(since: EpochMs, heartbeatTimeoutSeconds: number, policy: Policy): EpochMs {
  return since + (globalCapSeconds(heartbeatTimeoutSeconds) - reserveSeconds(policy)) * 1000;
}

/**
 * The deadline to give a drain that starts now, in seconds: as long as it should be, or what the hook's cap leaves after the reserve. Zero
 * or less: no time is left, the drain must be forced.
 *
 * @param wantedSeconds as the policy and the jobs want it
 */
export function drainDeadlineSeconds(
  since: EpochMs,
  now: EpochMs,
  heartbeatTimeoutSeconds: number,
  policy: Policy,
  wantedSeconds = policy.deadlineSeconds,
): number {
  return Math.min(wantedSeconds, Math.floor((latestDeadlineAt(since, heartbeatTimeoutSeconds, policy) - now) / 1000));
}

/** Whether a hook may lapse before the next sweep: the run that comes before has to send its heartbeats until then. */
export function lapsesBeforeSweep(heartbeatTimeoutSeconds: number): boolean {
  return heartbeatTimeoutSeconds < 2 * SWEEP_SECONDS;
}

/** How long after a heartbeat the next one is due, in milliseconds: three in each timeout. */
export const heartbeatIntervalMs = (heartbeatTimeoutSeconds: number): number => (heartbeatTimeoutSeconds * 1000) / 3;
