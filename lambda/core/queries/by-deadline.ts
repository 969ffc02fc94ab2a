import { named } from '../explain.ts';
import type { ServedGroup } from './ports.ts';

/** Groups with the same drain deadline. */
export interface SameDeadline {
  /** Seconds. */
  deadlineSeconds: number;
  /** The names of the groups. */
  groups: readonly string[];
  /** They are all that the function serves. */
  isAll: boolean;
  /** What a sentence about them begins with: `group web: `, or nothing if they are all. */
  label: string;
}

/** The groups by their drain deadlines, the shortest first. */
export function byDeadline(groups: readonly ServedGroup[]): SameDeadline[] {
  const of = Map.groupBy(groups, ({ policy }) => policy.deadlineSeconds);
  return [...of]
    .map(([deadlineSeconds, its]) => {
      const names = its.map(({ name }) => name);
      const isAll = names.length === groups.length;
      const label = isAll ? '' : `group${names.length > 1 ? 's' : ''} ${named(names)}: `;
      return { deadlineSeconds, groups: names, isAll, label };
    })
    .toSorted((one, other) => one.deadlineSeconds - other.deadlineSeconds);
}
