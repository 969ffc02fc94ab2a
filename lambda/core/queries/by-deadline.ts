import type { ServedGroup } from './ports.ts';

/** Groups with the same drain deadline. */
export interface SameDeadline {
  /** Seconds. */
  deadlineSeconds: number;
  /** The names of the groups. */
  groups: readonly string[];
  /** They are all that the function serves. */
  isAll: boolean;
}

/** The groups by their drain deadlines, the shortest first. */
export function byDeadline(groups: readonly ServedGroup[]): SameDeadline[] {
  const of = Map.groupBy(groups, ({ policy }) => policy.deadlineSeconds);
  return [...of]
    .map(([deadlineSeconds, its]) => {
      return { deadlineSeconds, groups: its.map(({ name }) => name), isAll: its.length === groups.length };
    })
    .toSorted((one, other) => one.deadlineSeconds - other.deadlineSeconds);
}
