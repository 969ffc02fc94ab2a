import { messageOf } from '../../basics.ts';
import { runsOf } from '../../scale-in/candidate.ts';
import type { Known } from '../../scale-in/choose.ts';
import { byJob, type EndedBuild, RunTimes } from '../../scale-in/durations.ts';
import { within } from '../../short.ts';
import { buildsHere } from '../builds.ts';
import { byDeadline } from '../by-deadline.ts';
import type { PlanCommand } from '../command.ts';
import type { AnswerPorts, Member } from '../ports.ts';
import { AnswerError } from '../query-error.ts';
import { type BuildTimes, buildTimes } from './build-times.ts';
import type { GroupInstance, PlanCircumstances } from './circumstances.ts';
import { compareDeadlines, type DeadlinePlan } from './deadlines.ts';
import { type InstancePlan, planInstance, VERDICTS, type Verdict } from './instance.ts';

/** What a scale-in would mean now, for each instance as if it went alone. */
export interface PlanAnswer {
  run: 'plan';
  /** How long drains are assumed to let builds run, in seconds: as asked, else the policy's. Absent: each group has its own. */
  deadlineSeconds?: number;
  /** Absent: each group has its own. */
  policyDeadlineSeconds?: number;
  /** Those in service, and those that are going already. The ones that cost least come first. */
  instances: InstancePlan[];
  /** How many instances do not fit into the answer; they are counted all the same. */
  instancesLeftOut: number;
  /** For how many instances a scale-in means what. */
  verdicts: Record<Verdict, number>;
  builds: BuildTimes;
  deadlines: DeadlinePlan[];
  /** What could not be read; what is said without it is said so. */
  notKnown: string[];
}

/** @throws AnswerError if the group is not served; Error if the instances or their nodes cannot be read */
export async function plan({ group, deadlineSeconds: asked }: PlanCommand, ports: AnswerPorts): Promise<PlanAnswer> {
  const names = ports.groups.map(({ name }) => name);
  const served = ports.groups.filter(({ name }) => name === (group ?? name));
  if (group !== undefined && !names.includes(group)) {
    throw new AnswerError(
      `group ${group} is not served here; there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`,
    );
  }
  const notKnown: string[] = [];
  const orElse =
    <T>(what: string, nothing: T) =>
    (error: unknown) => {
      notKnown.push(`${what}: ${messageOf(error)}`);
      return nothing;
    };
  const [{ instances, clients }, ended, blocked] = await Promise.all([
    readInstances(ports, group),
    ports
      .endedBuilds()
      .catch(orElse('how long earlier builds took', { builds: [] as readonly EndedBuild[], all: true })),
    ports.blockedGroups().catch(orElse('which services Nomad cannot place', new Map<string, string>())),
  ]);
  const services = instances.flatMap(runsOf).filter(({ jobType }) => jobType === 'service');
  const [needs, limits] = await Promise.all([
    ports.needsOf(services),
    ports.clients.runLimitsOf(instances.flatMap((instance) => instance.clients)),
  ]);

  const now = ports.clock.now();
  const builds = buildsHere(instances, clients, ended, now);
  const times = { builds: new RunTimes(builds), earlier: byJob(builds) };
  const deadlineOf = new Map(served.map(({ name, policy }) => [name, asked ?? policy.deadlineSeconds]));
  const planned = instances.map((instance) => {
    const deadlineSeconds = deadlineOf.get(instance.group) ?? 0;
    const circumstances: PlanCircumstances = { clients, ...times, limits, blocked, needs, deadlineSeconds, now };
    return planInstance(instance, circumstances);
  });
  const policies = byDeadline(served);
  const same = policies.length === 1 ? policies[0]?.deadlineSeconds : undefined;
  const assumed = asked ?? same;
  const plans = planned.map((each) => each.plan).toSorted(cheapestFirst);
  const { kept, leftOut } = within(plans);
  return {
    run: 'plan',
    ...(assumed !== undefined && { deadlineSeconds: assumed }),
    ...(same !== undefined && { policyDeadlineSeconds: same }),
    instances: kept,
    instancesLeftOut: leftOut,
    verdicts: countVerdicts(plans),
    builds: buildTimes(builds, times, { all: ended.all, now }),
    deadlines: compareDeadlines(
      policies,
      asked,
      times.builds,
      planned.flatMap((each) => each.builds),
    ),
    notKnown,
  };
}

async function readInstances(
  ports: AnswerPorts,
  group: string | undefined,
): Promise<{ instances: GroupInstance[]; clients: Known['clients'] }> {
  const members = (await ports.members()).filter((each) => mayGo(each) && (group ?? each.group) === each.group);
  const of = new Map(members.map((member) => [member.instanceId, member]));
  const { candidates, clients } = await ports.clients.read(members.map(({ instanceId }) => ({ instanceId, pool: '' })));
  const instances = candidates.flatMap(({ instanceId, clients: its }): GroupInstance[] => {
    const member = of.get(instanceId);
    return member ? [{ ...member, clients: its }] : [];
  });
  return { instances, clients };
}

/** A scale-in takes instances in service; those in standby, in the warm pool or still booting it does not take. */
const mayGo = ({ state }: Member) => state === 'InService' || state.startsWith('Terminating');

const countVerdicts = (plans: readonly InstancePlan[]): Record<Verdict, number> =>
  Object.fromEntries(
    VERDICTS.map((verdict) => [verdict, plans.filter((each) => each.verdict === verdict).length]),
  ) as Record<Verdict, number>;

const cheapestFirst = (one: InstancePlan, other: InstancePlan): number =>
  VERDICTS.indexOf(one.verdict) - VERDICTS.indexOf(other.verdict) ||
  (one.expectedSeconds ?? 0) - (other.expectedSeconds ?? 0) ||
  (one.instanceId < other.instanceId ? -1 : 1);
