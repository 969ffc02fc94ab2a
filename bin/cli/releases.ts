import { LONGEST_WAIT_SECONDS } from '../../lambda/core/decide/deadlines.ts';
import type { Outcome } from '../../lambda/core/model/decision.ts';
import { LOG } from '../../lambda/core/model/log-messages.ts';
import type { Account } from './aws/account.ts';
import type { LoggedRecord } from './aws/function-log.ts';
import { grouped } from './grouped.ts';

/** An allocation that a deadline has killed, or the end of its instance; or a service that runs nowhere now. */
export interface Loss {
  job: string;
  namespace: string;
  taskGroup: string;
  /** Its id; absent for a service that runs nowhere. */
  allocation?: string;
}

/** How the wait of an instance has ended, by the function's log. */
export interface Release {
  instanceId: string;
  group: string;
  nodeId: string;
  /** ISO 8601. */
  at: string;
  /** From the start of its drain; absent if the log does not have that. */
  seconds?: number;
  outcome: Outcome;
  because: string;
  killed: Loss[];
  /** Services that the drain has stopped, and that ran nowhere when the instance was released. */
  nowhere: Loss[];
}

/** How these waits have ended between these times, in milliseconds since the epoch; the oldest first. */
export async function readReleases(
  { log }: Account,
  { since, until }: { since: number; until: number },
): Promise<Release[]> {
  const messages = [LOG.drainStarted, LOG.released, LOG.killed, LOG.runsNowhere];
  // A wait that ends in this time may have begun before it.
  const records = await log.records({ messages, since: since - LONGEST_WAIT_SECONDS * 1000, until });
  const byInstance = grouped(records, ({ instanceId }) => instanceId);
  return records
    .filter(({ at, message }) => message === LOG.released && at >= since)
    .map((released) => releaseOf(released, byInstance.get(released.instanceId) ?? []));
}

/** What follows it in the log until its next drain is of the same wait. @param ofIt all records of its instance */
function releaseOf(released: LoggedRecord, ofIt: readonly LoggedRecord[]): Release {
  const index = ofIt.indexOf(released);
  const began = ofIt.slice(0, index).findLast(({ message }) => message === LOG.drainStarted);
  const after = ofIt.slice(index + 1);
  const next = after.findIndex(({ message }) => message === LOG.drainStarted || message === LOG.released);
  const told = next < 0 ? after : after.slice(0, next);
  const losses = (message: string) => told.filter((record) => record.message === message).map(lossOf);
  const { outcome, because, nodeId } = released.fields;
  return {
    instanceId: released.instanceId,
    group: released.group,
    nodeId: String(nodeId),
    at: new Date(released.at).toISOString(),
    ...(began && { seconds: Math.round((released.at - began.at) / 1000) }),
    outcome: outcome as Outcome,
    because: String(because),
    killed: losses(LOG.killed),
    nowhere: losses(LOG.runsNowhere),
  };
}

function lossOf({ fields }: LoggedRecord): Loss {
  const { job, namespace, taskGroup, allocation } = fields;
  const about = { job: String(job), namespace: String(namespace), taskGroup: String(taskGroup) };
  return { ...about, ...(typeof allocation === 'string' && { allocation }) };
}

/** Everything on the instance had ended by itself, or had moved. */
export const isClean = ({ outcome, killed, nowhere }: Release): boolean =>
  (outcome === 'drained' || outcome === 'not-a-node') && killed.length === 0 && nowhere.length === 0;
