import type { InstancePlan } from '../../../../lambda/core/queries/plan/instance.ts';

/** When instances would be gone, as a picture: times in seconds from now. */
export interface Timeline {
  /** Where the axis ends. */
  end: number;
  /** Where the axis has marks: 0 first. */
  ticks: number[];
  /** Of these nothing is waited for; by their names. */
  atOnce: string[];
  rows: TimelineRow[];
}

/** An instance that has to be waited for. */
export interface TimelineRow {
  name: string;
  verdict: InstancePlan['verdict'];
  /** It has builds that are waited for. */
  builds: boolean;
  /** When its builds have ended at p50 and p95, in seconds from now; absent where unknown. */
  expected?: number | undefined;
  most?: number | undefined;
  deadline: number;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
/** How far marks may be apart. */
const STEPS = [MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE].concat(
  [1, 2, 3, 4, 6, 8, 12, 24].map((hours) => hours * HOUR),
);
/** How many marks there are at most. */
const MOST_TICKS = 6;
/** A deadline that is not much farther than what is known is on the axis. */
const NEAR = 2;

export function timelineOf(plans: readonly InstancePlan[]): Timeline {
  const waited = plans.filter(({ verdict }) => verdict !== 'at-once');
  const atOnce = plans.filter(({ verdict }) => verdict === 'at-once').map(nameOf);
  const rows = waited.map(
    (plan): TimelineRow => ({
      name: nameOf(plan),
      verdict: plan.verdict,
      builds: plan.buildCount > 0,
      expected: plan.expectedSeconds,
      most: plan.mostSeconds,
      deadline: plan.deadlineSeconds,
    }),
  );
  const known = rows.map(({ expected = 0, most = 0, deadline }) => Math.min(deadline, Math.max(expected, most)));
  const farthest = Math.max(0, ...known);
  const deadlines = rows.map(({ deadline }) => deadline);
  const near = deadlines.filter((deadline) => farthest === 0 || deadline <= NEAR * farthest);
  const last = Math.max(MINUTE, farthest, ...near);
  const step = STEPS.find((each) => last / each <= MOST_TICKS) ?? Math.ceil(last / MOST_TICKS);
  const count = Math.ceil(last / step);
  return { end: count * step, ticks: Array.from({ length: count + 1 }, (_, index) => index * step), atOnce, rows };
}

const nameOf = ({ node, instanceId }: InstancePlan) => node ?? instanceId;
