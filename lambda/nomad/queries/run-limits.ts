import pMap from 'p-map';
import type { Running } from '../../core/scale-in/candidate.ts';
import { familyOf, jobKey } from '../../core/scale-in/durations.ts';
import type { JobJson } from '../json/job.ts';
import type { NomadReads } from '../read-only.ts';

/** The first version whose clients end builds at the `max_run_duration` of their group. */
const SINCE = [2, 0, 3];
/** Jobs that are read. */
const MOST_JOBS = 20;
/** Questions at once. */
const CONCURRENCY = 4;

/** Whether a client of this version, such as `2.0.6-dev`, ends builds at their `max_run_duration`; an older one ignores it. */
export function enforcesLimits(version = ''): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10));
  const differing = SINCE.findIndex((number, index) => number !== parts[index]);
  return differing === -1 || (parts[differing] ?? 0) > (SINCE[differing] ?? 0);
}

/**
 * The `max_run_duration` of builds by the ids of their allocations, in milliseconds: a question for each job, since lists do not have it. A
 * job that cannot be read is left out.
 */
export async function runLimitsOf(nomad: NomadReads, builds: readonly Running[]): Promise<Map<string, number>> {
  const jobs = [...Map.groupBy(builds, jobKey).values()].slice(0, MOST_JOBS);
  const read = await pMap(
    jobs,
    async (runs) => {
      const [{ job, namespace }] = runs as [Running];
      const json = await nomad.job(familyOf(job), namespace).catch(() => undefined);
      return runs.flatMap((run) => {
        const limit = json && limitIn(json, run);
        return limit === undefined ? [] : [[run.id, limit] as const];
      });
    },
    { concurrency: CONCURRENCY },
  );
  return new Map(read.flat());
}

/** A dispatched or periodic run has the job as it was then: that of a job which was submitted later is not known. */
function limitIn({ SubmitTime, TaskGroups }: JobJson, { job, taskGroup }: Running): number | undefined {
  const [, begunAt] = /\/(?:dispatch|periodic)-(\d+)/.exec(job) ?? [];
  if (begunAt !== undefined && SubmitTime > Number(begunAt) * 1e9) return undefined;
  const nanoseconds = TaskGroups?.find(({ Name }) => Name === taskGroup)?.MaxRunDuration;
  return nanoseconds ? nanoseconds / 1e6 : undefined;
}
