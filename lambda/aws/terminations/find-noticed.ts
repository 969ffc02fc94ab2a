import type { GroupConfig } from '../../config/config.ts';
import { messageOf } from '../../core/basics.ts';
import { maintenanceLeadMs, type Notice, SPOT_WARNING_MS } from '../../core/model/notice.ts';
import type { Termination } from '../../core/model/termination.ts';
import type { InstanceState } from '../auto-scaling.ts';
import { interruptionsOf, maintenanceOf } from '../ec2.ts';
import { type DescribeOptions, describeWaiting } from './describe-terminations.ts';
import type { FindMaintenance, FindWaiting } from './find-terminations.ts';

/** What a notice asks for one instance; undefined if nothing. */
type NoticeOf = (instance: InstanceState) => Notice | undefined;

/**
 * Those of these instances that are in a group that acts on what AWS says. Of others, nothing but their group is asked.
 * @param notices what it asks of each group, by name
 */
export function noticed(
  options: DescribeOptions,
  instanceIds: readonly string[],
  notices: ReadonlyMap<string, Notice>,
): FindWaiting {
  const { autoScaling } = options;
  return async () => ({
    waiting: await withNotices(options, await autoScaling.instances(instanceIds), ({ group }) => notices.get(group)),
  });
}

/**
 * Asks EC2, once a run, what it plans for instances: an event may be lost, or come days before, or while the node is away. That EC2 lists
 * maintenance is documented. What a Spot request says while its instance still runs is documented too, but not when it says so: to look
 * for that is an attempt, and fails no run.
 */
export function announced(options: DescribeOptions): FindMaintenance {
  const { ec2, clock, logger, groups } = options;
  const problems: string[] = [];
  const maintenance = () =>
    maintenanceOf(ec2).catch((error) => {
      problems.push(`EC2 does not list scheduled maintenance: ${messageOf(error)}`);
      return [];
    });
  const interruptions = () =>
    interruptionsOf(ec2).catch((error) => {
      const because = messageOf(error);
      logger.warn('EC2 does not list interrupted Spot instances: only warning events report them', { because });
      return new Map<string, number>();
    });
  let scheduled: ReturnType<typeof maintenance> | undefined;
  let interrupted: ReturnType<typeof interruptions> | undefined;
  return async (members) => {
    const inService = members.filter(({ state }) => state === 'InService');
    if (groups.some(({ notices }) => notices.maintenance)) scheduled ??= maintenance();
    if (groups.some(({ notices }) => notices.spot) && inService.length > 0) interrupted ??= interruptions();
    const [planned = [], since = new Map<string, number>()] = await Promise.all([scheduled, interrupted]);
    const now = clock.now();
    const near = (instanceId: string, { notices, policy }: GroupConfig): Notice | undefined => {
      const endsAt = Math.min(since.get(instanceId) ?? Number.NEGATIVE_INFINITY, now) + SPOT_WARNING_MS;
      if (notices.spot && endsAt > now) return { kind: 'spot', endsAt };
      if (!notices.maintenance) return undefined;
      const isNear = (at: number) => at > now && at - maintenanceLeadMs(policy) <= now;
      // The earliest is the last that EC2 lists.
      const next = planned.findLast((each) => each.instanceId === instanceId && isNear(each.startsAt));
      if (!next) return undefined;
      const { startsAt, endsAt: until = startsAt } = next;
      return { kind: 'maintenance', startsAt, restoreAt: until + notices.restoreSeconds * 1000 };
    };
    const byName = new Map(groups.map((group) => [group.name, group]));
    const noticeOf: NoticeOf = ({ instanceId, group: name }) => {
      const group = byName.get(name);
      return group && near(instanceId, group);
    };
    return { waiting: await withNotices(options, inService, noticeOf), problems };
  };
}

async function withNotices(
  options: DescribeOptions,
  states: readonly InstanceState[],
  noticeOf: NoticeOf,
): Promise<Termination[]> {
  const notices = new Map(
    states.flatMap((each) => {
      const notice = noticeOf(each);
      return notice ? [[each.instanceId, notice] as const] : [];
    }),
  );
  if (notices.size === 0) return [];
  const about = states.filter(({ instanceId }) => notices.has(instanceId));
  return (await describeWaiting(options, about, new Map())).flatMap((each) => {
    const notice = notices.get(each.instanceId);
    return notice ? [{ ...each, held: false, notice }] : [];
  });
}
