import { named } from '../../lambda/core/explain.ts';
import type { Policy } from '../../lambda/core/model/policy.ts';

/** How many groups a label names at most; the rest are counted. */
const MOST_NAMED = 3;

/** Groups whose drains may take the same times, in seconds. */
export interface GroupTimes extends Pick<Policy, 'deadlineSeconds' | 'killMarginSeconds'> {
  /** Their names; may be tokens. */
  readonly names: readonly string[];
}

/** The groups by their times, in the order of the groups. @param names of the groups, in the order of their policies */
export function timesOf(policies: readonly Policy[], names: readonly string[]): GroupTimes[] {
  const found: (GroupTimes & { names: string[] })[] = [];
  for (const [index, { deadlineSeconds, killMarginSeconds }] of policies.entries()) {
    const same = found.find(
      (each) => each.deadlineSeconds === deadlineSeconds && each.killMarginSeconds === killMarginSeconds,
    );
    const name = names[index] ?? '';
    if (same) same.names.push(name);
    else found.push({ deadlineSeconds, killMarginSeconds, names: [name] });
  }
  return found;
}

/** Those with the same deadline as one, in the same order. */
export function deadlinesOf(groups: readonly GroupTimes[]): Pick<GroupTimes, 'deadlineSeconds' | 'names'>[] {
  const deadlines = [...new Set(groups.map(({ deadlineSeconds }) => deadlineSeconds))];
  return deadlines.map((deadlineSeconds) => ({
    deadlineSeconds,
    names: groups.filter((each) => each.deadlineSeconds === deadlineSeconds).flatMap(({ names }) => names),
  }));
}

/** The groups in a label: "builders, runners, web and 4 more". */
export const labelOf = ({ names }: Pick<GroupTimes, 'names'>): string => named(names, { most: MOST_NAMED });
