import type { Notices } from '../../config/config.ts';
import { messageOf } from '../../core/basics.ts';
import { maintenanceLeadMs, type Notice, SPOT_WARNING_MS } from '../../core/model/notice.ts';
import type { Policy } from '../../core/model/policy.ts';
import type { Termination } from '../../core/model/termination.ts';
import type { InstanceState } from '../auto-scaling.ts';
import { interruptionsOf, maintenanceOf } from '../ec2.ts';
import { type DescribeOptions, describeWaiting } from './describe-terminations.ts';
import type { FindMaintenance, FindWaiting } from './find-terminations.ts';

/** The instances of our groups that a notice is about. Of others, nothing but their group is asked. */
export function noticed(options: DescribeOptions, notices: ReadonlyMap<string, Notice>): FindWaiting {
  const { autoScaling } = options;
  return async () => ({
    waiting: await withNotices(options, await autoScaling.instances([...notices.keys()]), notices),
  });
}

/**
 * Asks EC2, once a run, what it plans for instances: an event may be lost, or come days before, or while the node is away. That EC2 lists
 * maintenance is documented. What a Spot request says while its instance still runs is documented too, but not when it says so: to look
 * for that is an attempt, and fails no run.
 */
export function announced(
  options: DescribeOptions,
  { policy, notices }: { policy: Policy; notices: Notices },
): FindMaintenance {
  const { ec2, clock, logger } = options;
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
    if (notices.maintenance) scheduled ??= maintenance();
    if (notices.spot && inService.length > 0) interrupted ??= interruptions();
    const [planned = [], since = new Map<string, number>()] = await Promise.all([scheduled, interrupted]);
    const now = clock.now();
    const near = new Map<string, Notice>();
    // The earliest of an instance is the last that is noted.
    for (const { instanceId, startsAt, endsAt = startsAt } of planned) {
      if (startsAt <= now || startsAt - maintenanceLeadMs(policy) > now) continue;
      near.set(instanceId, { kind: 'maintenance', startsAt, restoreAt: endsAt + notices.restoreSeconds * 1000 });
    }
    for (const [instanceId, at] of since) {
      const endsAt = Math.min(at, now) + SPOT_WARNING_MS;
      if (endsAt > now) near.set(instanceId, { kind: 'spot', endsAt });
    }
    const about = inService.filter(({ instanceId }) => near.has(instanceId));
    return { waiting: about.length > 0 ? await withNotices(options, about, near) : [], problems };
  };
}

async function withNotices(
  options: DescribeOptions,
  states: readonly InstanceState[],
  notices: ReadonlyMap<string, Notice>,
): Promise<Termination[]> {
  const ours = states.filter(({ group }) => options.groups.some(({ name }) => name === group));
  if (ours.length === 0) return [];
  return (await describeWaiting(options, ours, new Map())).flatMap((each) => {
    const notice = notices.get(each.instanceId);
    return notice ? [{ ...each, held: false, notice }] : [];
  });
}
