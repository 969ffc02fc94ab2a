import type { Member } from '../../model.ts';
import type { InstanceRefresh } from './instance-refresh.ts';

/** How many have to be healthy, and how many there may be. */
export function boundsOf({ group, preferences }: InstanceRefresh): {
  floor: number;
  most: number;
  launchesFirst: boolean;
} {
  const { desiredCapacity } = group;
  const { minHealthy, maxHealthy } = preferences;
  const floor = Math.ceil((desiredCapacity * minHealthy) / 100);
  // "When MaxHealthyPercentage is explicitly set and it is mathematically impossible to replace instances while honoring both …
  // bounds simultaneously, Auto Scaling launches a new instance before terminating an old one … When MaxHealthyPercentage is
  // omitted, Auto Scaling terminates an instance and launches its replacement simultaneously."
  const launchesFirst = floor >= desiredCapacity && (maxHealthy !== undefined || minHealthy === 100);
  const most = Math.floor((desiredCapacity * (maxHealthy ?? 100)) / 100);
  return launchesFirst
    ? { floor, launchesFirst, most: Math.max(most, desiredCapacity + 1) }
    : { floor: Math.min(floor, Math.max(0, desiredCapacity - 1)), launchesFirst, most };
}

/** How far it is: what is new and ready, what goes, and what is gone. */
export function progressOf(refresh: InstanceRefresh, members: readonly Member[], now: number): number {
  const begun = refresh.total - refresh.remaining.length;
  return refresh.updated(members, now) + 2 * begun - refresh.going;
}

/** "When the instance's health status changes to healthy and the specified warm-up time passes, the instance is considered updated." */
export function percentOf(refresh: InstanceRefresh, members: readonly Member[], now: number): number {
  const { total, percentBefore } = refresh;
  const done = total === 0 ? 1 : refresh.updated(members, now) / total;
  return Math.floor(percentBefore === undefined ? 100 * done : percentBefore * (1 - done));
}

/** Why it has made no progress for an hour. */
export function stuckBecause({ remaining }: InstanceRefresh): string {
  const isStandby = remaining.some(({ member }) => /Standby/.test(member.state));
  const isProtected = remaining.some(({ protectedFromScaleIn }) => protectedFromScaleIn);
  if (isStandby) return 'Failed: instances in Standby were waited for for an hour.';
  if (isProtected) return 'Failed: instances protected from scale in were waited for for an hour.';
  return 'Failed: no instance was replaced for an hour.';
}
