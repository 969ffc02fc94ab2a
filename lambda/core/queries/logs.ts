import pMap from 'p-map';
import { iso } from '../basics.ts';
import { type Allocation, isAlive } from '../model/allocation.ts';
import { familyOf } from '../scale-in/durations.ts';
import { within } from '../short.ts';
import type { LogsCommand } from './command.ts';
import type { AnswerPorts, LogEnd, LoggedAllocation } from './ports.ts';
import { AnswerError } from './query-error.ts';

/** What builds have written last. */
export interface LogsAnswer {
  run: 'logs';
  stream: 'stderr' | 'stdout';
  /** The oldest first. */
  logs: AllocationLogs[];
  /** Allocations that do not fit into the answer. */
  leftOut: number;
}

export interface AllocationLogs {
  /** The id of the allocation. */
  id: string;
  job: string;
  namespace: string;
  taskGroup: string;
  /** The id of its node. */
  nodeId: string;
  /** Nomad's client status. */
  status: string;
  /** When it ended, ISO 8601; absent of one that has not. */
  endedAt?: string;
  /** In the order of their names. */
  tasks: TaskLog[];
}

/** The end of what a task has written, or why it cannot be read. */
export type TaskLog = { task: string; state: string } & LogEnd;

/** Nomad's client statuses of an allocation that runs no more. */
const HAS_ENDED: ReadonlySet<string> = new Set(['complete', 'failed', 'lost']);
/** How much of each log, in bytes, if it is not said. */
const DEFAULT_BYTES = 16 * 1024;
/** Allocations in one answer. */
const MOST_ALLOCATIONS = 10;
/** Logs read at once. */
const CONCURRENCY = 4;
/** How many are named where one is meant. */
const MOST_NAMED = 5;

/** @throws AnswerError if nothing is meant, or several where one has to be */
export async function logs(command: LogsCommand, ports: AnswerPorts): Promise<LogsAnswer> {
  const { stream = 'stderr', bytes = DEFAULT_BYTES, task, offset } = command;
  const meant = await allocationsMeant(command, ports);
  const read = await pMap(
    meant.slice(0, MOST_ALLOCATIONS),
    async (allocation): Promise<AllocationLogs> => ({
      id: allocation.id,
      job: allocation.job,
      namespace: allocation.namespace,
      taskGroup: allocation.taskGroup,
      nodeId: allocation.nodeId,
      status: allocation.clientStatus,
      ...(HAS_ENDED.has(allocation.clientStatus) && { endedAt: iso(allocation.changedAt) }),
      tasks: await pMap(tasksMeant(allocation, task), async ({ name, state }) => {
        const { id: allocationId, namespace } = allocation;
        const end = await ports.logs.end({ allocationId, namespace, task: name, stream, bytes, offset });
        return { task: name, state, ...end };
      }),
    }),
    { concurrency: CONCURRENCY },
  );
  const { kept, leftOut } = within(read);
  return { run: 'logs', stream, logs: kept, leftOut: leftOut + Math.max(0, meant.length - MOST_ALLOCATIONS) };
}

async function allocationsMeant(command: LogsCommand, ports: AnswerPorts): Promise<LoggedAllocation[]> {
  const { allocation: prefix, instanceId, node = '', job } = command;
  if (prefix === undefined) return held(instanceId === undefined ? { node } : { instanceId }, job, ports);
  const found = await ports.logs.beginningWith(prefix, MOST_NAMED + 1);
  if (found.length > 1) {
    const named = found.slice(0, MOST_NAMED).map(({ id, job: of }) => `${id} (${of})`);
    throw new AnswerError(
      `several allocations begin with ${prefix}: ${named.join(', ')}${found.length > MOST_NAMED ? ', …' : ''}`,
    );
  }
  if (found.length === 0) throw new AnswerError(`no allocation that the token sees begins with ${prefix}`);
  return found;
}

/** What holds the nodes; of one job, if nothing of it does, the last one that has ended. */
async function held(
  where: { instanceId: string } | { node: string },
  job: string | undefined,
  ports: AnswerPorts,
): Promise<LoggedAllocation[]> {
  const nodes = await ports.logs.onNodes(where);
  const name = 'node' in where ? where.node : where.instanceId;
  if (nodes.length === 0) {
    throw new AnswerError('node' in where ? `Nomad has no node ${name}` : `no node in Nomad names instance ${name}`);
  }
  const names = new Set(nodes.map((node) => node.name));
  if ('node' in where && names.size > 1) {
    throw new AnswerError(`several nodes begin with ${name}: ${[...names].slice(0, MOST_NAMED).join(', ')}`);
  }
  const isOfJob = (each: Allocation) => job === undefined || each.job === job || familyOf(each.job) === job;
  const all = nodes.flatMap(({ allocations, status }) =>
    allocations.filter(isOfJob).map((each) => ({ each, alive: isAlive(each, { status }) })),
  );
  const alive = all.filter((one) => one.alive).map(({ each }) => each);
  if (alive.length > 0) return alive.toSorted((one, other) => one.createdAt - other.createdAt);
  const [last] = all.map(({ each }) => each).toSorted((one, other) => other.changedAt - one.changedAt);
  if (job === undefined)
    throw new AnswerError(`nothing runs on ${name}: name a job to read the log of its last run there`);
  if (!last) throw new AnswerError(`no allocation of job ${job} is on ${name}, or the token does not see it`);
  return [last];
}

function tasksMeant({ id, tasks, clientStatus }: Allocation, task: string | undefined): Allocation['tasks'] {
  const sorted = tasks.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  if (task === undefined) {
    if (sorted.length === 0)
      throw new AnswerError(`no task of allocation ${id} has started yet: it is ${clientStatus}`);
    return sorted;
  }
  const meant = sorted.filter(({ name }) => name === task);
  if (meant.length > 0) return meant;
  const has = sorted.map(({ name }) => name).join(', ') || 'none that has started';
  throw new AnswerError(`allocation ${id} has no task ${task}: it has ${has}`);
}
