import type { ProblemId } from '../errors.ts';

/** How long a duration of the configuration may be, in whole seconds, and what it is called when it is refused. */
interface DurationLimits {
  readonly what: string;
  readonly least: number;
  readonly most: number;
  readonly id: ProblemId;
}

/** All durations of the configuration document, by their fields. */
export const DURATIONS = {
  heartbeatTimeoutSeconds: {
    what: 'a heartbeat timeout',
    // https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html
    least: 30,
    most: 7200,
    id: 'nomad-drain-hook:heartbeatTimeoutOutOfRange',
  },
  deadlineSeconds: { what: 'a deadline', least: 1, most: 48 * 3600, id: 'nomad-drain-hook:deadlineOutOfRange' },
  killMarginSeconds: { what: 'a kill margin', least: 0, most: 7200, id: 'nomad-drain-hook:killMarginOutOfRange' },
  graceSeconds: { what: 'a grace period', least: 0, most: 3600, id: 'nomad-drain-hook:graceOutOfRange' },
  readyTimeoutSeconds: {
    what: 'a ready timeout',
    least: 60,
    most: 6 * 3600,
    id: 'nomad-drain-hook:readyTimeoutOutOfRange',
  },
  restoreSeconds: {
    what: 'a time before a node is restored',
    least: 60,
    most: 7 * 24 * 3600,
    id: 'nomad-drain-hook:restoreOutOfRange',
  },
  onlyIdleForSeconds: {
    what: 'a wait for idle instances',
    least: 1,
    most: 3000,
    id: 'nomad-drain-hook:onlyIdleOutOfRange',
  },
} as const satisfies Record<string, DurationLimits>;

/**
 * Why a duration is refused, in a sentence; undefined if it is not.
 * @param written the duration as its author wrote it
 */
export function durationRefusal(
  { what, least, most }: DurationLimits,
  seconds: number,
  written: string = inFull(seconds),
): string | undefined {
  if (!Number.isInteger(seconds)) return `${written} is not a whole number of seconds`;
  if (seconds > most) return `${written} is more than the ${inFull(most)} ${what} may be`;
  if (seconds < least) return `${written} is less than the ${inFull(least)} ${what} must be`;
  return undefined;
}

/** A duration with nothing rounded off: "47 h 50 min", "1 min 30 s", "0 s". */
export function inFull(seconds: number): string {
  const units = [
    [Math.trunc(seconds / 3600), 'h'],
    [Math.trunc((seconds % 3600) / 60), 'min'],
    [seconds % 60, 's'],
  ] as const;
  const parts = units.filter(([amount]) => amount !== 0).map(([amount, unit]) => `${amount} ${unit}`);
  return parts.join(' ') || '0 s';
}
