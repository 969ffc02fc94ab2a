import type { Config } from './config.ts';
import { say } from './core/explain.ts';
import { iso } from './core/iso.ts';
import { maintenanceLeadMs, type Notice, SPOT_WARNING_MS } from './core/notice.ts';
import type { Said } from './said.ts';

/** What has to be done about what AWS says, by instance; or why nothing has to. */
export type Asked = { notices: ReadonlyMap<string, Notice> } | { because: string };

/** What the settings make of what AWS says. */
export function noticesOf(
  said: Said,
  { notices: settings, policy }: Pick<Config, 'notices' | 'policy'>,
  now: number,
): Asked {
  const forAll = (notice: Notice): Asked => ({ notices: new Map(said.instanceIds.map((id) => [id, notice])) });
  const restoreMs = settings.restoreSeconds * 1000;
  switch (said.kind) {
    case 'spot': {
      if (!settings.spot) return { because: 'Spot interruption warnings are not acted on (notices.spot)' };
      const endsAt = (said.time ?? now) + SPOT_WARNING_MS;
      if (endsAt > now) return forAll({ kind: 'spot', endsAt });
      return { because: `the warning is too old: EC2 was to interrupt the instance ${say((now - endsAt) / 1000)} ago` };
    }
    case 'rebalance': {
      const { rebalance: how } = settings;
      if (how === 'off') return { because: 'rebalance recommendations are not acted on (notices.rebalance)' };
      return forAll({ kind: 'rebalance', how, restoreAt: now + restoreMs });
    }
    case 'maintenance': {
      if (!settings.maintenance) return { because: 'scheduled maintenance is not acted on (notices.maintenance)' };
      const { startsAt, endsAt = startsAt } = said;
      if (startsAt <= now) return { because: `the maintenance began ${say((now - startsAt) / 1000)} ago` };
      const from = startsAt - maintenanceLeadMs(policy);
      if (from <= now) return forAll({ kind: 'maintenance', startsAt, restoreAt: endsAt + restoreMs });
      return { because: `the maintenance is still far: a sweep starts the drain at ${iso(from)}` };
    }
  }
}
