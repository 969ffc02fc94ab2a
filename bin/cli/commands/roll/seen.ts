import type { Report } from '../../../../lambda/core/drain/report.ts';
import type { CapacityAnswer } from '../../../../lambda/core/queries/capacity.ts';
import type { Group, GroupInstance } from '../../aws/auto-scaling.ts';
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
  /** Of their nodes, by their ids; those that have left too. */
  names: Readonly<Record<string, string>>;
}

/** It has ended as it was to. */
export const isDone = ({ status }: Refresh): boolean => status === 'Successful' || status === 'RollbackSuccessful';

/** It has ended, and so have the drains of the old instances, unless not all are replaced. */
export const isOver = ({ refresh, group, old }: Seen): boolean =>
  refresh.endedAt !== undefined && !(isDone(refresh) && group.instances.some((each) => isDraining(each, old)));

const isDraining = ({ instanceId, state }: GroupInstance, old: readonly string[]): boolean =>
  old.includes(instanceId) && /^Terminating(:Wait)?$/.test(state);

/** @param names of nodes by their instances, so far: it is added to */
export async function lookAt(
  { account }: Context,
  name: string,
  { names, ...before }: Before & { names: Record<string, string> },
  signal: AbortSignal,
): Promise<Seen> {
  const report = await account.function.ask<Report>({ command: 'status' }, signal);
  const [{ nodes }, group, refresh] = await Promise.all([
    account.function.ask<CapacityAnswer>({ command: 'capacity' }, signal),
    account.autoScaling.group(name, signal),
    account.refreshes.last(name, signal),
  ]);
  if (!group || !refresh) throw new Error(`Auto Scaling has no instance refresh of ${name} any more`);
  for (const { instanceId, name: node } of nodes) if (instanceId !== undefined) names[instanceId] = node;
  return { ...before, group, refresh, report, nodes, names };
}

/** The old ones whose wait at the hook is over. */
export function releasedOf({ old, group }: Seen): string[] {
  const states = new Map(group.instances.map(({ instanceId, state }) => [instanceId, state]));
  return old.filter((id) => RELEASED.test(states.get(id) ?? 'Terminated'));
}
