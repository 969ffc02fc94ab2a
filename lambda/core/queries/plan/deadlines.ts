import type { RunTimes } from '../../scale-in/durations.ts';
import type { SameDeadline } from '../by-deadline.ts';
import { type PlannedBuild, rounded } from './build.ts';

/** What a drain deadline would mean. */
export interface DeadlinePlan {
  deadlineSeconds: number;
  /** It is that of a policy, or the one that was asked for. */
  is?: 'policy' | 'asked';
  /** The groups whose policy has it, if not all have. */
  groups?: readonly string[];
  /** Of the builds that ended by themselves: how many took no longer. Had a drain begun as they did, it would have spared them. */
  spared: number;
  /** The share of builds that it kills of those that a drain meets at a random moment, from 0 to 1. */
  killShare: number;
  /** How many of the builds that run now it is expected to kill, if all drains began now. */
  killsNow: number;
  /** How many of these run of which nothing is known. */
  unknownNow: number;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
/** What deadlines are compared, in seconds. */
const USUAL = [5, 15, 30].map((each) => each * MINUTE).concat([1, 2, 4, 6, 12, 24].map((each) => each * HOUR));

/**
 * What other deadlines would mean: those that kill some, and the first that kills none.
 * @param running the builds that run on the instances of the plan
 */
export function compareDeadlines(
  policies: readonly SameDeadline[],
  askedSeconds: number | undefined,
  builds: RunTimes,
  running: readonly PlannedBuild[],
): DeadlinePlan[] {
  const longest = (builds.longest ?? 0) / 1000;
  const enough = USUAL.findIndex((each) => each >= longest);
  const usual = builds.ended.length === 0 ? [] : USUAL.slice(0, enough === -1 ? USUAL.length : enough + 1);
  const all = new Set([
    ...usual,
    ...policies.map(({ deadlineSeconds }) => deadlineSeconds),
    ...(askedSeconds === undefined ? [] : [askedSeconds]),
  ]);
  const rests = running.map(({ rest }) => rest);
  return [...all]
    .toSorted((one, other) => one - other)
    .map((deadlineSeconds) => {
      const ms = deadlineSeconds * 1000;
      const policy = policies.find((each) => each.deadlineSeconds === deadlineSeconds);
      const judged = rests.filter((rest) => rest.saysAt(ms));
      return {
        deadlineSeconds,
        ...(policy
          ? { is: 'policy' as const, ...(!policy.isAll && { groups: policy.groups }) }
          : deadlineSeconds === askedSeconds && { is: 'asked' as const }),
        spared: builds.ended.length - builds.countLonger(ms),
        killShare: rounded(builds.shareOutlasting(ms)),
        killsNow: rounded(judged.reduce((sum, rest) => sum + rest.chanceLonger(ms), 0)),
        unknownNow: rests.length - judged.length,
      };
    });
}
