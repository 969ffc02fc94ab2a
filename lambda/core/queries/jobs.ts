import { iso } from '../basics.ts';
import { within } from '../short.ts';
import type { JobsCommand } from './command.ts';
import type { AnswerPorts, ListedAllocation, Wait, WaitingJob } from './ports.ts';

/** Which jobs run, wait or have ended, as far as Nomad still has their allocations. Times are ISO 8601. */
export interface JobsAnswer {
  run: 'jobs';
  /** How many of each namespace have which status, those that do not fit into the answer too. */
  namespaces: ({ namespace: string } & Record<JobStatus, number>)[];
  /** Those that wait first, the longest waiting first; then those that run, the oldest first; then those that ended, the last first. */
  jobs: JobReport[];
  /** How many jobs do not fit into the answer. */
  jobsLeftOut: number;
  /** More allocations have ended than were read: jobs that ended earlier are missing. */
  earlierLeftOut: boolean;
}

/** `running` if an allocation of it runs, `pending` if none does and one could, `dead` otherwise. */
type JobStatus = 'running' | 'pending' | 'dead';

export interface JobReport {
  job: string;
  namespace: string;
  type: string;
  status: JobStatus;
  /** When its oldest allocation that has not ended was created; since when it waits; or when its last one ended. */
  since: string;
  /** Those that have not ended, the oldest first; of a dead job the last one. At most five. */
  allocations: JobAllocation[];
  /** All that have not ended. */
  allocationCount: number;
  /** What has no place yet, and why; a job that runs may wait for more. */
  waits: JobWait[];
}

interface JobAllocation {
  id: string;
  taskGroup: string;
  /** Nomad's client status. */
  status: string;
  node: string;
  since: string;
}

/** What has no place yet, and why. */
interface JobWait extends Wait {
  since: string;
}

/** Allocations of a job that are named. */
const MOST_NAMED = 5;

export async function jobs({ namespace = '*', status }: JobsCommand, ports: AnswerPorts): Promise<JobsAnswer> {
  const wantsEnded = status === undefined || status === 'dead';
  const [alive, waiting, ended] = await Promise.all([
    ports.jobs.alive(namespace),
    ports.jobs.waiting(namespace),
    wantsEnded ? ports.jobs.ended(namespace) : { allocations: [], more: false },
  ]);
  const aliveOf = Map.groupBy(alive, keyOf);
  const waitingOf = Map.groupBy(waiting, keyOf);
  const endedOf = Map.groupBy(ended.allocations, keyOf);
  const keys = new Set([...aliveOf.keys(), ...waitingOf.keys(), ...endedOf.keys()]);
  const all = [...keys].map((key) =>
    toReport(aliveOf.get(key) ?? [], waitingOf.get(key) ?? [], endedOf.get(key) ?? []),
  );
  const wanted = all.filter(
    (job) => status === undefined || job.status === status || (status === 'pending' && job.waits.length > 0),
  );
  const { kept, leftOut } = within(wanted.toSorted(byUrgency));
  return {
    run: 'jobs',
    namespaces: countByNamespace(wanted),
    jobs: kept,
    jobsLeftOut: leftOut,
    earlierLeftOut: ended.more,
  };
}

const keyOf = ({ namespace, job }: { namespace: string; job: string }): string => `${namespace} ${job}`;

function toReport(alive: ListedAllocation[], waiting: WaitingJob[], ended: ListedAllocation[]): JobReport {
  const last = ended.toSorted((one, other) => other.changedAt - one.changedAt).slice(0, 1);
  const held = alive.length > 0 ? alive.toSorted((one, other) => one.createdAt - other.createdAt) : [];
  const shown = held.length > 0 ? held : waiting.length > 0 ? [] : last;
  const about = (held[0] ?? waiting[0] ?? last[0]) as ListedAllocation | WaitingJob;
  const runs = alive.some(({ status }) => status !== 'pending');
  return {
    job: about.job,
    namespace: about.namespace,
    type: about.jobType,
    status: runs ? 'running' : alive.length > 0 || waiting.length > 0 ? 'pending' : 'dead',
    since: iso(held[0]?.createdAt ?? waiting[0]?.since ?? last[0]?.changedAt ?? 0),
    allocations: shown.slice(0, MOST_NAMED).map(({ id, taskGroup, status, nodeName, createdAt }) => ({
      id,
      taskGroup,
      status,
      node: nodeName,
      since: iso(createdAt),
    })),
    allocationCount: alive.length,
    waits: waiting.flatMap(({ waits, since }) => waits.map((wait) => ({ ...wait, since: iso(since) }))),
  };
}

/** In which order an operator looks at them. */
const URGENCY: Record<JobStatus, number> = { pending: 0, running: 1, dead: 2 };

function byUrgency(one: JobReport, other: JobReport): number {
  const older = one.since === other.since ? 0 : one.since < other.since ? -1 : 1;
  return URGENCY[one.status] - URGENCY[other.status] || (one.status === 'dead' ? -older : older);
}

function countByNamespace(all: readonly JobReport[]): JobsAnswer['namespaces'] {
  return [...Map.groupBy(all, ({ namespace }) => namespace)]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([namespace, of]) => {
      const count = (status: JobStatus) => of.filter((job) => job.status === status).length;
      return { namespace, running: count('running'), pending: count('pending'), dead: count('dead') };
    });
}
