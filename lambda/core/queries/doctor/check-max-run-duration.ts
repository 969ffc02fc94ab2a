import { named, say } from '../../explain.ts';
import type { Client } from '../../scale-in/candidate.ts';
import { familyOf } from '../../scale-in/durations.ts';
import type { AnswerPorts } from '../ports.ts';
import type { Finding } from './finding.ts';
import { type Fleet, ofEachDeadline } from './fleet.ts';

/** Whether the drain deadline gives builds as much time as Nomad's own limit does, where the jobs that run have one. */
export async function checkMaxRunDuration(ports: AnswerPorts, fleet: () => Promise<Fleet>): Promise<Finding[]> {
  const known = await fleet();
  const limits = await ports.clients.runLimitsOf(known.instances.flatMap((instance) => instance.clients));
  return ofEachDeadline(ports, known, ({ instances }, deadlineSeconds) =>
    judge(
      instances.flatMap((instance) => instance.clients),
      limits,
      deadlineSeconds,
    ),
  );
}

/** @param limits of allocations, by id, in milliseconds */
function judge(clients: readonly Client[], limits: ReadonlyMap<string, number>, deadlineSeconds: number): Finding[] {
  const id = 'max-run-duration';
  const runs = clients.flatMap((client) => client.runs);
  const limited = runs.flatMap(({ id: allocation, job }) => {
    const ms = limits.get(allocation);
    return ms === undefined ? [] : [{ job: familyOf(job), seconds: ms / 1000 }];
  });
  const longestFirst = limited.toSorted((one, other) => other.seconds - one.seconds);
  const [longest] = longestFirst;
  if (!longest) return [];
  const deadline = `the drain deadline of ${say(deadlineSeconds)}`;
  const sayLimit = ({ job, seconds }: typeof longest) => `${say(seconds)} (job ${job})`;
  const tooLong = longestFirst.filter(({ seconds }) => seconds > deadlineSeconds);
  if (tooLong.length === 0) {
    const what = `the longest max_run_duration known of jobs that run is ${sayLimit(longest)}; ${deadline} is enough for it`;
    return [{ id, level: 'ok', what }];
  }
  const which = named([...new Set(tooLong.map(sayLimit))], { most: 3 });
  return [
    {
      id,
      level: 'warning',
      what: `${deadline} is shorter than the max_run_duration of jobs that run, ${which}: a drain that begins early in such a build kills it`,
      do: 'raise the deadline to the longest of them, or shorten what builds may take',
    },
  ];
}
