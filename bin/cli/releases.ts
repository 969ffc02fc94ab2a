import { LONGEST_WAIT_SECONDS } from '../../lambda/core/decide/deadlines.ts';
import type { Outcome } from '../../lambda/core/model/decision.ts';
import { LOG } from '../../lambda/core/model/log-messages.ts';
import { UNKNOWN } from '../../lambda/core/ports.ts';
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
  /** Null if Nomad had no node of it. */
  nodeId: string | null;
  /** Nomad had no node of it, though it had been up for ten minutes: it should have been one. */
  nodeMissing: boolean;
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

/**
 * How waits have ended between these times, in milliseconds since the epoch; the oldest first.
 * `unreadable`: how many records of these releases lack fields, and are left out.
 */
export async function readReleases(
  { log }: Account,
  { since, until }: { since: number; until: number },
): Promise<{ releases: Release[]; unreadable: number }> {
  const messages = [LOG.drainStarted, LOG.released, LOG.abandoned, LOG.killed, LOG.runsNowhere];
  // A wait that ends in this time may have begun before it.
  const records = await log.records({ messages, since: since - LONGEST_WAIT_SECONDS * 1000, until });
  const readable = records.filter(isWhole);
  const byInstance = grouped(readable, ({ instanceId }) => instanceId);
  return {
    releases: readable
      .filter((record) => isEnd(record) && record.at >= since)
      .map((released) => releaseOf(released, byInstance.get(released.instanceId) ?? [])),
    unreadable: records.filter((record) => record.at >= since && !isWhole(record)).length,
  };
}

/** A wait has ended, and the instance with it. */
const isEnd = ({ message }: LoggedRecord): boolean => message === LOG.released || message === LOG.abandoned;

/** What a record has to have beside its message, for a release to be made of it. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  [LOG.drainStarted]: ['instanceId'],
  [LOG.released]: ['instanceId', 'group', 'outcome', 'because'],
  [LOG.abandoned]: ['instanceId', 'group', 'outcome', 'because'],
  [LOG.killed]: ['instanceId', 'job', 'namespace', 'taskGroup'],
  [LOG.runsNowhere]: ['instanceId', 'job', 'namespace', 'taskGroup'],
};

const isWhole = ({ message, fields }: LoggedRecord): boolean =>
  (FIELDS[message] ?? []).every((name) => typeof fields[name] === 'string');

/** What follows it in the log until its next drain is of the same wait. @param ofIt all records of its instance */
function releaseOf(released: LoggedRecord, ofIt: readonly LoggedRecord[]): Release {
  const index = ofIt.indexOf(released);
  const began = ofIt.slice(0, index).findLast(({ message }) => message === LOG.drainStarted);
  const after = ofIt.slice(index + 1);
  const next = after.findIndex((record) => record.message === LOG.drainStarted || isEnd(record));
  const told = next < 0 ? after : after.slice(0, next);
  const losses = (message: string) => told.filter((record) => record.message === message).map(lossOf);
  const { outcome, because, nodeId, alarm } = released.fields;
  return {
    instanceId: released.instanceId,
    group: released.group,
    nodeId: typeof nodeId === 'string' && nodeId !== UNKNOWN ? nodeId : null,
    nodeMissing: alarm === true && outcome === 'not-a-node',
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

/** Everything on the instance had ended by itself, or had moved; or it had not been up for long enough to be a node. */
export const isClean = ({ outcome, nodeMissing, killed, nowhere }: Release): boolean =>
  (outcome === 'drained' || (outcome === 'not-a-node' && !nodeMissing)) && killed.length === 0 && nowhere.length === 0;
