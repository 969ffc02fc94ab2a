import type { GroupConfig } from '../config/config.ts';
import { iso } from '../core/basics.ts';
import { say } from '../core/explain.ts';
import { maintenanceLeadMs, type Notice, SPOT_WARNING_MS } from '../core/model/notice.ts';
import { DELIVERED_FOR_SECONDS, QUEUED_FOR_SECONDS, type Said } from './interruptions.ts';

/** EC2 ends an instance two minutes after its warning: a time of its own that is hours later is no such time. In milliseconds. */
const LONGEST_WARNING_MS = 3_600_000;

/** What has to be done about what AWS says, by the name of each group that acts on it; or why nothing has to. */
export type Asked = { notices: ReadonlyMap<string, Notice> } | { because: string };

/** What each group makes of what AWS says: whose instances it is about is not known yet. */
export function noticesOf(said: Said, groups: readonly GroupConfig[], now: number): Asked {
  const all = groups.map((group) => [group.name, noticeFor(said, group, now)] as const);
  const acting = all.flatMap(([name, notice]) => ('because' in notice ? [] : [[name, notice] as const]));
  if (acting.length > 0) return { notices: new Map(acting) };
  const [because = 'no group is configured'] = all.flatMap(([, each]) => ('because' in each ? each.because : []));
  return { because };
}

function noticeFor(
  said: Said,
  { notices: settings, policy }: Pick<GroupConfig, 'notices' | 'policy'>,
  now: number,
): Notice | { because: string } {
  const restoreMs = settings.restoreSeconds * 1000;
  // What comes from the future has a wrong time.
  const sentAt = Math.min(said.time ?? now, now);
  if (now - sentAt > (DELIVERED_FOR_SECONDS[said.kind] + QUEUED_FOR_SECONDS) * 1000) {
    const ago = `AWS sent it ${say((now - sentAt) / 1000)} ago`;
    return { because: `the event is too old: ${ago}, longer than EventBridge and Lambda retry` };
  }
  switch (said.kind) {
    case 'spot':
    case 'reservation': {
      if (!settings.spot) return { because: 'interruption warnings are not acted on (notices.spot)' };
      const { endsAt: own = 0 } = said;
      const isCredible = own > sentAt && own - sentAt <= LONGEST_WARNING_MS;
      const endsAt = isCredible ? own : sentAt + SPOT_WARNING_MS;
      if (endsAt > now) return { kind: said.kind, endsAt };
      return { because: `the warning is too old: EC2 was to interrupt the instance ${say((now - endsAt) / 1000)} ago` };
    }
    case 'rebalance': {
      const { rebalance: how } = settings;
      if (how === 'off') return { because: 'rebalance recommendations are not acted on (notices.rebalance)' };
      return { kind: 'rebalance', how, restoreAt: now + restoreMs };
    }
    case 'maintenance': {
      if (!settings.maintenance) return { because: 'scheduled maintenance is not acted on (notices.maintenance)' };
      const { startsAt, endsAt = startsAt } = said;
      if (startsAt <= now) return { because: `the maintenance began ${say((now - startsAt) / 1000)} ago` };
      const from = startsAt - maintenanceLeadMs(policy);
      if (from <= now) return { kind: 'maintenance', startsAt, restoreAt: endsAt + restoreMs };
      return { because: `the maintenance is still far: a sweep starts the drain at ${iso(from)}` };
    }
  }
}
