import { say } from '../../explain.ts';
import type { Running } from '../../scale-in/candidate.ts';
import { familyOf, Rest } from '../../scale-in/durations.ts';
import type { PlanCircumstances } from './circumstances.ts';

/** With fewer runs to go by, a time is hardly more than a guess. */
const FEW = 5;
/** With fewer runs, 19 of 20 of them are all of them. */
export const ENOUGH_FOR_95 = 20;

/** A build that runs. */
export interface BuildPlan {
  id: string;
  job: string;
  namespace: string;
  taskGroup: string;
  runningSeconds: number;
  /** The p50 time until it ends, in seconds; absent if unknown. */
  expectedSeconds?: number;
  /** The p95 time until it ends; with fewer than 20 earlier runs, the longest; at most `limitSeconds`. In seconds. */
  mostSeconds?: number;
  /** In what time Nomad ends it, by the `max_run_duration` of its group; absent if it has none, or is not known. In seconds. */
  limitSeconds?: number;
  /** How many earlier runs say so: such as took longer than it has run. */
  basis: number;
  /** Nomad has no earlier run of its job: these are builds of other jobs. */
  byOtherJobs?: true;
  /** The chance that it still runs at the deadline, from 0 to 1. Absent: unknown. */
  killChance?: number;
  because: string;
}

/** A build, and what is known of how long it goes on. */
export interface PlannedBuild {
  plan: BuildPlan;
  rest: Rest;
}

/** @param deadlineMs in what time the drain's deadline is, in milliseconds */
export function planBuild(run: Running, circumstances: PlanCircumstances, deadlineMs: number): PlannedBuild {
  const { id, job, namespace, taskGroup } = run;
  const { builds } = circumstances;
  const rest = Rest.of(run, circumstances, builds);
  const { times, ranMs, limitMs } = rest;
  const byOtherJobs = times === builds;
  const [expected, most] = [rest.within(0.5), rest.within(shareOfMost(rest)) ?? limitMs];
  const plan: BuildPlan = {
    id,
    job,
    namespace,
    taskGroup,
    runningSeconds: Math.round(ranMs / 1000),
    ...(expected !== undefined && { expectedSeconds: seconds(expected) }),
    ...(most !== undefined && { mostSeconds: seconds(most) }),
    ...(limitMs !== undefined && { limitSeconds: seconds(limitMs) }),
    basis: rest.basis,
    ...(byOtherJobs && { byOtherJobs }),
    ...(rest.saysAt(deadlineMs) && { killChance: rounded(rest.chanceLonger(deadlineMs)) }),
    because: `${job} has run for ${say(ranMs / 1000)}${byOtherJobs ? ofOthers(rest) : ofSame(rest, job)}${sayLimit(rest)}`,
  };
  return { plan, rest };
}

const shareOfMost = ({ basis }: Rest): number => (basis < ENOUGH_FOR_95 ? 1 : 0.95);
const mostByRuns = (rest: Rest): number | undefined => rest.byRuns(shareOfMost(rest));

/** Only where earlier runs do not say that it ends before. */
function sayLimit(rest: Rest): string {
  const { limitMs } = rest;
  if (limitMs === undefined || limitMs >= (mostByRuns(rest) ?? Number.POSITIVE_INFINITY)) return '';
  return limitMs > 0
    ? `; its max_run_duration ends it within ${say(limitMs / 1000)}`
    : '; its max_run_duration is over';
}

function ofSame(rest: Rest, job: string): string {
  if (rest.basis > 0) return `; ${sayRest(rest, `of ${familyOf(job)}`)}`;
  const { ended, longest = 0 } = rest.times;
  const all = ended.length === 1 ? 'the one earlier run (' : `all ${ended.length} earlier runs (at most `;
  return `, longer than ${all}${say(longest / 1000)}): how much longer it takes is unknown`;
}

function ofOthers(rest: Rest): string {
  if (rest.basis === 0) return ', and no earlier run says how much longer it takes';
  return `, and no earlier run is known; ${sayRest(rest, 'of other jobs')}`;
}

function sayRest(rest: Rest, which: string): string {
  const { basis, censored } = rest;
  const [half, most] = [rest.byRuns(0.5), mostByRuns(rest)];
  const little = basis < FEW ? ', which is little to go by' : '';
  if (basis === 1 && most !== undefined) return `one run ${which} took longer, by ${say(most / 1000)}${little}`;
  const parts = [
    ...(half === undefined ? [] : [`half ended within ${say(half / 1000)} more`]),
    ...(most === undefined
      ? [censored === 1 ? '1 was killed or still runs' : `${censored} were killed or still run`]
      : [`${basis < ENOUGH_FOR_95 ? 'all' : '19 of 20'} within ${say(most / 1000)}`]),
  ];
  return `of ${most === undefined ? basis + censored : basis} runs ${which} that took longer, ${parts.join(', ')}${little}`;
}

export const seconds = (ms: number): number => Math.ceil(ms / 1000);
export const rounded = (chance: number): number => Math.round(chance * 1000) / 1000;
