import { type EndedBuild, familyOf, jobKey, type RunTimes } from '../../scale-in/durations.ts';
import { ENOUGH_FOR_95, seconds } from './build.ts';

/** How long builds take here, by those that Nomad still knows. Times in seconds. */
export interface BuildTimes {
  /** Those that ended by themselves. */
  ended: number;
  /** Those that were killed, or still run: they count as such that last at least as long as they have. */
  cutShort: number;
  /** Half of all builds end within it. Absent: too few have ended to say. */
  medianSeconds?: number;
  /** 95 of 100 do. Absent, too, if fewer than 20 have ended. */
  mostSeconds?: number;
  /** The longest that ended by itself. */
  longestSeconds?: number;
  /** Its job. */
  longestJob?: string;
  /** How long ago the oldest of them began. */
  sinceSeconds?: number;
  /** There are more: only the last ones were read. */
  onlyLast?: true;
  /** The jobs whose builds take longest. */
  jobs: JobTimes[];
}

/** How long the runs of one job take. */
export interface JobTimes
  extends Pick<BuildTimes, 'ended' | 'cutShort' | 'medianSeconds' | 'mostSeconds' | 'longestSeconds'> {
  job: string;
  namespace: string;
}

/** How many jobs are listed at most. */
const MOST_LISTED = 10;

/** @param all whether these are all that Nomad has */
export function buildTimes(
  builds: readonly EndedBuild[],
  times: { builds: RunTimes; earlier: ReadonlyMap<string, RunTimes> },
  { all, now }: { all: boolean; now: number },
): BuildTimes {
  const [longest] = builds.filter(({ ended }) => ended).toSorted((one, other) => other.ms - one.ms);
  const began = builds.reduce((first, { createdAt }) => Math.min(first, createdAt), now);
  const jobs = [...Map.groupBy(builds, jobKey)].flatMap(([key, [run]]): JobTimes[] => {
    const ofJob = times.earlier.get(key);
    return run && ofJob ? [{ job: familyOf(run.job), namespace: run.namespace, ...summary(ofJob) }] : [];
  });
  return {
    ...summary(times.builds),
    ...(longest && { longestJob: familyOf(longest.job) }),
    ...(builds.length > 0 && { sinceSeconds: seconds(now - began) }),
    ...(!all && { onlyLast: true }),
    jobs: jobs.toSorted((one, other) => (other.longestSeconds ?? 0) - (one.longestSeconds ?? 0)).slice(0, MOST_LISTED),
  };
}

function summary(times: RunTimes) {
  const median = times.within(0.5);
  const most = times.ended.length < ENOUGH_FOR_95 ? undefined : times.within(0.95);
  return {
    ended: times.ended.length,
    cutShort: times.censored.length,
    ...(median !== undefined && { medianSeconds: seconds(median) }),
    ...(most !== undefined && { mostSeconds: seconds(most) }),
    ...(times.longest !== undefined && { longestSeconds: seconds(times.longest) }),
  };
}
