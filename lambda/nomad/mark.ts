import { iso } from '../core/iso.ts';

/** The key of the dynamic metadata of a node that says that we have made it ineligible: no drain says so. */
export const CORDON_KEY = 'nomad_drain_hook_cordon';

/** Why and until when. Times are milliseconds since the epoch. */
export interface Mark {
  instanceId: string;
  since: number;
  restoreAt: number;
  /** Which deployment of this software has made it ineligible. */
  deployment: string;
}

/** Written in one value: `i-0123456789abcdef0 2026-03-01T09:00:00.000Z 2026-03-01T10:00:00.000Z 123456789012/eu-west-1/drain-hook`. */
export const toMark = ({ instanceId, since, restoreAt, deployment }: Mark): string =>
  `${instanceId} ${iso(since)} ${iso(restoreAt)} ${deployment}`;

/** Undefined for what is no mark of ours. */
export function readMark(text: string | undefined): Mark | undefined {
  const [instanceId = '', since = '', restoreAt = '', deployment = ''] = text?.split(' ') ?? [];
  const mark = { instanceId, since: Date.parse(since), restoreAt: Date.parse(restoreAt), deployment };
  return Number.isFinite(mark.since) && Number.isFinite(mark.restoreAt) ? mark : undefined;
}
