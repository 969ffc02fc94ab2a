import type { Allocation, Node } from './model.ts';
import { groupOf } from './model.ts';
import type { Version } from './version.ts';

/** What the servers make of an allocation whose client is away: it stays as it is, is written off, or may come back. */
export type Fate = 'stays' | 'lost' | 'unknown' | 'migrates';

/**
 * What a group asks for while its client is away. 1.6 knows `max_client_disconnect` only; 1.8 has the `disconnect` block
 * and `prevent_reschedule_on_lost` beside it; 2.0 ignores both older ones.
 */
export const disconnectOf = (allocation: Allocation, version: Version): { lostAfterMs: number; replace: boolean } => {
  const { Disconnect, MaxClientDisconnect, PreventRescheduleOnLost } = groupOf(allocation);
  const own = version === '2.0.6' ? null : MaxClientDisconnect;
  const block = version === '1.6.10' ? null : Disconnect;
  const prevented = version === '1.8.4' && PreventRescheduleOnLost;
  return {
    lostAfterMs: (own ?? block?.LostAfter ?? 0) / 1e6,
    replace: !(prevented || block?.Replace === false),
  };
};

/** Since when it is unknown, in milliseconds. */
export const unknownSince = ({ AllocStates }: Allocation): number | undefined => {
  const last = AllocStates?.findLast(({ Value }) => Value === 'unknown');
  return last && Date.parse(last.Time);
};

/** Nomad notes when an allocation becomes unknown, and when it is known again. */
export const noteClientStatus = (allocation: Allocation, Time: string): void => {
  allocation.AllocStates ??= [];
  allocation.AllocStates.push({ Field: 'client_status', Value: allocation.ClientStatus, Time });
};

/** Of an unknown allocation: its time to come back is up. 2.0 gives one without `lost_after` none at all. */
export const expired = (allocation: Allocation, version: Version, now: number): boolean => {
  const since = unknownSince(allocation);
  if (allocation.ClientStatus !== 'unknown' || since === undefined) return false;
  const { lostAfterMs } = disconnectOf(allocation, version);
  if (version !== '2.0.6' && lostAfterMs === 0) return false;
  return since + lostAfterMs <= now;
};

/** Of an allocation that neither has ended nor is told to stop. */
export const fateOf = (allocation: Allocation, node: Node | undefined, version: Version, now: number): Fate => {
  const { lostAfterMs, replace } = disconnectOf(allocation, version);
  const { ClientStatus, DesiredTransition } = allocation;
  const late = expired(allocation, version, now);
  if (late && version === '2.0.6') return 'lost';
  if (node?.Status === 'disconnected') {
    if (ClientStatus === 'running') return fateOfRunning(lostAfterMs, replace, version);
    if (ClientStatus === 'pending' || (lostAfterMs === 0 && replace)) return 'lost';
    if (version === '2.0.6' || lostAfterMs === 0) return 'stays';
  }
  if (DesiredTransition.Migrate) return 'migrates';
  if (late) return 'lost';
  if (version !== '2.0.6' && ClientStatus === 'unknown' && lostAfterMs > 0) return 'stays';
  if (!node) return 'lost';
  if (node.Status !== 'down') return 'stays';
  if (!replace && ClientStatus === 'unknown') return 'stays';
  return !replace && ClientStatus === 'running' ? 'unknown' : 'lost';
};

const fateOfRunning = (lostAfterMs: number, replace: boolean, version: Version): Fate => {
  if (lostAfterMs > 0) return 'unknown';
  return version === '2.0.6' || replace ? 'lost' : 'unknown';
};
