import type { Report } from '../../../../lambda/core/drain/report.ts';
import type { CapacityAnswer } from '../../../../lambda/core/queries/capacity.ts';
import type { Group } from '../../aws/auto-scaling.ts';
import type { Refresh } from '../../aws/instance-refreshes.ts';
import type { Context } from '../../context.ts';
import { RELEASED } from '../../watch-release.ts';

/** The instances of a group before a roll, by their ids. */
export interface Before {
  /** Those that are replaced. */
  old: readonly string[];
  /** Those that stay. */
  others: readonly string[];
}

/** A roll as it is now. */
export interface Seen extends Before {
  group: Group;
  refresh: Refresh;
  report: Report;
  nodes: CapacityAnswer['nodes'];
}

/** It has ended as it was to. */
export const isDone = ({ status }: Refresh): boolean => status === 'Successful' || status === 'RollbackSuccessful';

export async function lookAt({ account }: Context, name: string, before: Before, signal: AbortSignal): Promise<Seen> {
  const report = await account.function.ask<Report>({ command: 'status' }, signal);
  const [{ nodes }, group, refresh] = await Promise.all([
    account.function.ask<CapacityAnswer>({ command: 'capacity' }, signal),
    account.autoScaling.group(name, signal),
    account.refreshes.last(name, signal),
  ]);
  if (!group || !refresh) throw new Error(`Auto Scaling has no instance refresh of ${name} any more`);
  return { ...before, group, refresh, report, nodes };
}

/** The old ones whose wait at the hook is over. */
export function releasedOf({ old, group }: Seen): string[] {
  const states = new Map(group.instances.map(({ instanceId, state }) => [instanceId, state]));
  return old.filter((id) => RELEASED.test(states.get(id) ?? 'Terminated'));
}
