import { say } from '../../explain.ts';
import { type EndedBuild, familyOf } from '../../scale-in/durations.ts';
import { buildsHere } from '../builds.ts';
import type { AnswerPorts } from '../ports.ts';
import type { Finding } from './finding.ts';
import { type Fleet, ofEachDeadline } from './fleet.ts';

/** Whether the drain deadline is longer than the longest build that Nomad knows: one that still runs or was killed took no less. */
export async function checkLongestBuild(ports: AnswerPorts, fleet: () => Promise<Fleet>): Promise<Finding[]> {
  const [all, ended] = await Promise.all([fleet(), ports.endedBuilds()]);
  return ofEachDeadline(ports, all, ({ instances, clients }, deadlineSeconds) => [
    judge(buildsHere(instances, clients, ended, ports.clock.now()), deadlineSeconds),
  ]);
}

function judge(builds: readonly EndedBuild[], deadlineSeconds: number): Finding {
  const id = 'longest-build';
  const deadline = say(deadlineSeconds);
  const [longest] = builds.toSorted((one, other) => other.ms - one.ms);
  if (!longest) {
    const what = `Nomad knows no builds, so the drain deadline of ${deadline} cannot be compared with them`;
    return { id, level: 'unknown', what, do: 'run doctor again after some builds' };
  }
  const seconds = longest.ms / 1000;
  const what = `the longest of the builds seen (${builds.length}) ran for ${say(seconds)} (job ${familyOf(longest.job)})`;
  if (seconds <= deadlineSeconds) return { id, level: 'ok', what: `${what}; the drain deadline is ${deadline}` };
  return {
    id,
    level: 'warning',
    what: `${what}, longer than the drain deadline of ${deadline}: a drain that begins early in such a build kills it`,
    do: 'raise the deadline; nomad-drain-hook plan compares deadlines',
  };
}
