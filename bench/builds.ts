import { logNormal, randomOf } from './random.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** A build that somebody wants. Times are milliseconds since midnight. */
export interface Build {
  job: string;
  arrivesAt: number;
  lengthMs: number;
}

/** What is built: how often of a hundred, and how long half of the builds take at the most. */
const JOBS = [
  { job: 'lint', of100: 30, medianMs: 2 * MINUTE },
  { job: 'unit-tests', of100: 35, medianMs: 6 * MINUTE },
  { job: 'integration-tests', of100: 20, medianMs: 15 * MINUTE },
  { job: 'end-to-end-tests', of100: 12, medianMs: 35 * MINUTE },
  { job: 'release', of100: 3, medianMs: 90 * MINUTE },
];
/** The spread of each job's own lengths: two in three lie between 0.7 and 1.4 times the median. */
const SIGMA = 0.35;
/** Builds an hour, at night and at the height of the day. */
const NIGHT = 4;
const PEAK = 70;

/** Builds an hour: two humps, at ten and at three, with lunch between them. */
function perHour(at: number): number {
  const hump = (hour: number, width: number) => Math.exp(-(((at / HOUR - hour) / width) ** 2));
  return NIGHT + (PEAK - NIGHT) * Math.min(1, hump(10.5, 2) + 0.9 * hump(15.5, 2.2));
}

/** A day of builds: arrivals are a Poisson process whose rate follows the day, lengths are log-normal by job. */
export function dayOfBuilds(seed: number): Build[] {
  const random = randomOf(seed);
  const builds: Build[] = [];
  // Thinning: arrivals at the highest rate, of which as many stay as the hour has.
  for (let at = 0; ; ) {
    at += (-Math.log(1 - random()) / PEAK) * HOUR;
    if (at >= DAY) return builds;
    if (random() * PEAK > perHour(at)) continue;
    const { job, medianMs } = jobAt(random() * 100);
    builds.push({ job, arrivesAt: at, lengthMs: logNormal(random, medianMs, SIGMA) });
  }
}

function jobAt(place: number): (typeof JOBS)[number] {
  let sum = 0;
  for (const each of JOBS) {
    sum += each.of100;
    if (place < sum) return each;
  }
  return JOBS[0] as (typeof JOBS)[number];
}
