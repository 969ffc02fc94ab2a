import { iso, messageOf } from '../../../../lambda/core/basics.ts';
import type { Report } from '../../../../lambda/core/drain/report.ts';
import type { Account } from '../../aws/account.ts';
import { moment } from '../../terminal/words.ts';

/** What the function reports, and when it last swept. */
export interface StatusAnswer extends Report {
  /** The minute of the last sweep that CloudWatch has heard of, ISO 8601; null if there was none in the last quarter of an hour. */
  lastSweep?: string | null;
  /** Why that is not known. */
  lastSweepUnknown?: string;
}

/** @throws whatever keeps the function from answering; that CloudWatch does not, is part of the answer */
export async function askStatus(account: Account, signal?: AbortSignal): Promise<StatusAnswer> {
  const report = await account.function.ask<Report>({ command: 'status' }, signal);
  try {
    const name = (await account.function.name).split(':').at(-1) ?? '';
    const last = await account.sweeps.last(name, moment(report.at) ?? Date.now(), signal);
    return { ...report, lastSweep: last === undefined ? null : iso(last) };
  } catch (error) {
    if (signal?.aborted) throw error;
    return { ...report, lastSweepUnknown: messageOf(error) };
  }
}
