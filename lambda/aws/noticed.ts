import type { Notices } from '../config.ts';
import { messageOf } from '../core/message-of.ts';
import { maintenanceLeadMs, type Notice } from '../core/notice.ts';
import type { Policy } from '../core/policy.ts';
import type { Termination } from '../core/termination.ts';
import type { InstanceState } from './auto-scaling.ts';
import { type DescribeOptions, describeWaiting } from './describe-waiting.ts';
import type { FindMaintenance, FindWaiting } from './find-waiting.ts';
import { maintenanceOf, type ScheduledMaintenance } from './instances.ts';

/** The instances of our groups that a notice is about. Of others, nothing but their group is asked. */
export function noticed(options: DescribeOptions, notices: ReadonlyMap<string, Notice>): FindWaiting {
  const { autoScaling } = options;
  return async () => ({
    waiting: await withNotices(options, await autoScaling.instances([...notices.keys()]), notices),
  });
}

/**
 * Asks EC2, once a run, which instances have scheduled maintenance: an event from AWS Health may be lost, and comes days before.
 */
export function maintenanceNear(
  options: DescribeOptions,
  { policy, notices }: { policy: Policy; notices: Notices },
): FindMaintenance {
  let asked: Promise<{ scheduled: ScheduledMaintenance[]; problems: string[] }> | undefined;
  const ask = () =>
    maintenanceOf(options.ec2).then(
      (scheduled) => ({ scheduled, problems: [] }),
      (error) => ({
        scheduled: [],
        problems: [`EC2 does not say which maintenance is scheduled: ${messageOf(error)}`],
      }),
    );
  return async (members) => {
    asked ??= ask();
    const { scheduled, problems } = await asked;
    const now = options.clock.now();
    const near = new Map<string, Notice>();
    // The earliest of an instance is the last that is noted.
    for (const { instanceId, startsAt, endsAt = startsAt } of scheduled) {
      if (startsAt <= now || startsAt - maintenanceLeadMs(policy) > now) continue;
      near.set(instanceId, { kind: 'maintenance', startsAt, restoreAt: endsAt + notices.restoreSeconds * 1000 });
    }
    const inService = members.filter(({ instanceId, state }) => state === 'InService' && near.has(instanceId));
    return { waiting: inService.length > 0 ? await withNotices(options, inService, near) : [], problems };
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
