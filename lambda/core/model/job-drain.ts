import type { Policy } from './policy.ts';

/** The key in the meta of a job, or of a task group, by which its author says how long a drain waits for it. */
export const JOB_DRAIN_KEY = 'nomad_drain_hook_drain';

/** How long the author of a job lets a drain wait for it. */
export interface JobDrain {
  /** In the author's words: `now`, `until-done`, or a duration such as `45m`. */
  asks: string;
  /** From the beginning of the drain, in seconds: 0 for `now`, infinity for `until-done`. Absent: the words mean nothing. */
  seconds?: number;
}

/** The longest time that a drain may be given, in seconds: Auto Scaling holds no instance longer. */
const LONGEST_SECONDS = 48 * 3600;

/** A time for a drain as it is written, `45m` or `1h30m`, in seconds; undefined if it is none, or longer than 48 h. */
export function readDrainTime(text: string): number | undefined {
  const [all, hours = 0, minutes = 0, seconds = 0] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return all && total > 0 && total <= LONGEST_SECONDS ? total : undefined;
}

/** Reads what the author of a job has written. */
export function readJobDrain(asks: string): JobDrain {
  if (asks === 'now') return { asks, seconds: 0 };
  if (asks === 'until-done') return { asks, seconds: Number.POSITIVE_INFINITY };
  const seconds = readDrainTime(asks);
  return { asks, ...(seconds !== undefined && { seconds }) };
}

/** What jobs say and nobody understands, each in a sentence. */
export const puzzlesIn = (allocations: readonly { job: string; namespace: string; drain?: JobDrain }[]): string[] =>
  allocations.flatMap(({ job, namespace, drain }) =>
    drain && drain.seconds === undefined
      ? [
          `job ${job} (namespace ${namespace}) has ${JOB_DRAIN_KEY} = ${JSON.stringify(drain.asks)}, which is not now, until-done, ` +
            'or a duration up to 48h, such as 45m or 1h30m: the policy holds',
        ]
      : [],
  );

/** How long a drain lets these run, in seconds: as long as the policy says, or longer where a job asks for it. */
export const deadlineFor = (allocations: readonly { drain?: JobDrain }[], { deadlineSeconds }: Policy): number =>
  Math.max(deadlineSeconds, ...allocations.map(({ drain }) => drain?.seconds ?? 0));
