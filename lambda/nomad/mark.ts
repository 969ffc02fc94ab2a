import { iso } from '../core/iso.ts';

/** The key of the dynamic metadata of a node that says that we have made it ineligible: no drain says so. */
export const CORDON_KEY = 'nomad_drain_hook_cordon';

/** Why and until when. Times are milliseconds since the epoch. */
export interface Mark {
  instanceId: string;
  since: number;
  restoreAt: number;
}

/** Written in one value: `i-0123456789abcdef0 2026-03-01T09:00:00.000Z 2026-03-01T10:00:00.000Z`. */
export const toMark = ({ instanceId, since, restoreAt }: Mark): string =>
  `${instanceId} ${iso(since)} ${iso(restoreAt)}`;

/** Undefined for what is no mark of ours. */
export function readMark(text: string | undefined): Mark | undefined {
  const [instanceId, since, restoreAt] = text?.split(' ') ?? [];
  const mark = { instanceId: instanceId ?? '', since: Date.parse(since ?? ''), restoreAt: Date.parse(restoreAt ?? '') };
  return Number.isFinite(mark.since) && Number.isFinite(mark.restoreAt) ? mark : undefined;
}
