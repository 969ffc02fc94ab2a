import type { Allocation, Node } from '../model.ts';
import { groupOf } from '../model.ts';
import { onlyLostAfterKeeps, since, type Version } from '../version.ts';

/** What the servers make of an allocation whose client is away: it stays as it is, is written off, or may come back. */
type Fate = 'stays' | 'lost' | 'unknown' | 'migrates';

/**
 * What a group asks for while its client is away: `max_client_disconnect`, since 1.7.2 `prevent_reschedule_on_lost` beside it,
 * since 1.8 the `disconnect` block. Since 1.10 the block alone counts (hashicorp/nomad#25284).
 */
export const disconnectOf = (allocation: Allocation, version: Version): { lostAfterMs: number; replace: boolean } => {
  const { Disconnect, MaxClientDisconnect, PreventRescheduleOnLost } = groupOf(allocation);
  const only = since(version, '1.10.0');
  const own = only ? null : MaxClientDisconnect;
  const block = since(version, '1.8.0') ? Disconnect : null;
  const prevented = since(version, '1.7.2') && !only && PreventRescheduleOnLost;
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

/** Of an unknown allocation: its time to come back is up. Since 1.11.2 one without `lost_after` has none at all. */
export const expired = (allocation: Allocation, version: Version, now: number): boolean => {
  const since = unknownSince(allocation);
  if (allocation.ClientStatus !== 'unknown' || since === undefined) return false;
  const { lostAfterMs } = disconnectOf(allocation, version);
  if (!onlyLostAfterKeeps(version) && lostAfterMs === 0) return false;
  return since + lostAfterMs <= now;
};

/** Of an allocation that has neither ended nor been ordered to stop. */
export const fateOf = (allocation: Allocation, node: Node | undefined, version: Version, now: number): Fate => {
  const { lostAfterMs, replace } = disconnectOf(allocation, version);
  const { ClientStatus, DesiredTransition } = allocation;
  const late = expired(allocation, version, now);
  const only = onlyLostAfterKeeps(version);
  if (late && only) return 'lost';
  if (node?.Status === 'disconnected') {
    if (ClientStatus === 'running') return fateOfRunning(lostAfterMs, replace, version);
    if (ClientStatus === 'pending' || (lostAfterMs === 0 && replace)) return 'lost';
    if (only || lostAfterMs === 0) return 'stays';
  }
  if (DesiredTransition.Migrate) return 'migrates';
  if (late) return 'lost';
  if (!only && ClientStatus === 'unknown' && lostAfterMs > 0) return 'stays';
  if (!node) return 'lost';
  if (node.Status !== 'down') return 'stays';
  if (!replace && ClientStatus === 'unknown') return 'stays';
  return !replace && ClientStatus === 'running' ? 'unknown' : 'lost';
};

const fateOfRunning = (lostAfterMs: number, replace: boolean, version: Version): Fate => {
  if (lostAfterMs > 0) return 'unknown';
  return onlyLostAfterKeeps(version) || replace ? 'lost' : 'unknown';
};
