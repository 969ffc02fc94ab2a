import { say, sayJobs } from '../../explain.ts';
import { type Client, isBuild, type Running } from '../../scale-in/candidate.ts';
import { allWithin, chanceAnyLonger } from '../../scale-in/durations.ts';
import { type BuildPlan, type PlannedBuild, planBuild, rounded, seconds } from './build.ts';
import type { GroupInstance, PlanCircumstances } from './circumstances.ts';
import { planServices, type ServicePlan } from './service.ts';

/** What a scale-in would mean for an instance, the worst last. */
export const VERDICTS = ['at-once', 'moves', 'ends', 'unknown', 'may-be-killed', 'stops', 'nowhere', 'killed'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** An instance that would be terminated now, alone. */
export interface InstancePlan {
  instanceId: string;
  group: string;
  /** Its lifecycle state, such as `InService`. */
  state: string;
  /** The Nomad node, null if none names it. */
  nodeId: string | null;
  node: string | null;
  verdict: Verdict;
  because: string;
  /** In what time the deadline of its drain is, in seconds. */
  deadlineSeconds: number;
  /** The p50 time until all its builds have ended, in seconds. Absent: unknown. */
  expectedSeconds?: number;
  /** The same at p95. */
  mostSeconds?: number;
  /** The chance that the deadline kills a build, from 0 to 1; of those of which something is known. */
  killChance: number;
  /** The builds that take longest, or are least known; the others are counted. */
  builds: BuildPlan[];
  buildCount: number;
  services: ServicePlan[];
  serviceCount: number;
}

/** How many builds, and how many services, of an instance are listed at most. */
const MOST_LISTED = 5;
/** Below, a build is expected to end in time: a chance of 95 %. */
const SMALL_CHANCE = 0.05;
const NEARLY_CERTAIN = 0.995;

/** An instance's plan, and the builds that it waits for. */
interface PlannedInstance {
  plan: InstancePlan;
  builds: readonly PlannedBuild[];
}

export function planInstance(instance: GroupInstance, circumstances: PlanCircumstances): PlannedInstance {
  const { instanceId, group, state, clients } = instance;
  const here = clients.filter(isThere);
  const node = here[0] ?? clients[0];
  const runs = here.flatMap((client) => client.runs).filter(({ stopping }) => !stopping);
  const deadlineMs = deadlineOf(clients, circumstances);
  const builds = runs.filter(isBuild).map((run) => planBuild(run, circumstances, deadlineMs));
  const services = planServices(
    { ...instance, pool: '' },
    runs.filter(({ jobType }) => jobType === 'service'),
    circumstances,
  );
  const rests = builds.map(({ rest }) => rest);
  const judged = rests.filter((rest) => rest.saysAt(deadlineMs));
  const killChance = chanceAnyLonger(judged, deadlineMs);
  const facts: Facts = { instance, runs, builds, services, killChance, deadlineMs };
  const expected = rests.length > 0 && rests.every(({ basis }) => basis > 0) ? allWithin(rests, 0.5) : undefined;
  const most = rests.length > 0 && rests.every(({ isBounded }) => isBounded) ? allWithin(rests, 0.95) : undefined;
  const plan: InstancePlan = {
    instanceId,
    group,
    state,
    nodeId: node?.id ?? null,
    node: node?.name ?? null,
    ...judge(facts),
    deadlineSeconds: seconds(deadlineMs),
    ...(expected !== undefined && { expectedSeconds: seconds(expected) }),
    ...(most !== undefined && { mostSeconds: seconds(most) }),
    killChance: rounded(killChance),
    builds: builds
      .map(({ plan: each }) => each)
      .toSorted(worstFirst)
      .slice(0, MOST_LISTED),
    buildCount: builds.length,
    services: services.slice(0, MOST_LISTED),
    serviceCount: services.length,
  };
  return { plan, builds };
}

interface Facts {
  instance: GroupInstance;
  runs: readonly Running[];
  builds: readonly PlannedBuild[];
  services: readonly ServicePlan[];
  killChance: number;
  deadlineMs: number;
}

/** Whether its client is heard of. What runs on another is what Nomad keeps as unknown: it may come back. */
const isThere = ({ status }: Client) => status !== 'down' && status !== 'disconnected';

/** A drain that is on keeps its deadline. */
function deadlineOf(clients: readonly Client[], { deadlineSeconds, now }: PlanCircumstances): number {
  const ours = clients.flatMap(({ deadlineAt }) => deadlineAt ?? []);
  return ours.length > 0 ? Math.max(0, Math.max(...ours) - now) : deadlineSeconds * 1000;
}

const worstFirst = (one: BuildPlan, other: BuildPlan): number =>
  (other.killChance ?? 1) - (one.killChance ?? 1) || atMost(other) - atMost(one) || 0;

const atMost = ({ expectedSeconds, mostSeconds }: BuildPlan): number =>
  expectedSeconds ?? mostSeconds ?? Number.POSITIVE_INFINITY;

/** The worst that holds, and all that is worth saying. */
function judge(facts: Facts): Pick<InstancePlan, 'verdict' | 'because'> {
  const found = [...ofNodes(facts), ...ofBuilds(facts), ...ofServices(facts)];
  if (found.length === 0) return { verdict: 'at-once', because: whyAtOnce(facts) };
  const worst = found.toSorted((one, other) => VERDICTS.indexOf(other.verdict) - VERDICTS.indexOf(one.verdict));
  return { verdict: worst[0]?.verdict ?? 'unknown', because: worst.map(({ because }) => because).join('; ') };
}

type Finding = Pick<InstancePlan, 'verdict' | 'because'>;

function ofNodes({ instance: { clients }, runs, deadlineMs }: Facts): Finding[] {
  if (clients.length === 0) {
    return [{ verdict: 'unknown', because: 'no node names it: it may have just booted, or not be a Nomad client' }];
  }
  const away = clients.filter((client) => !isThere(client) && client.runs.length > 0);
  const elses = clients.filter((client) => isThere(client) && client.draining && client.deadlineAt === undefined);
  return [
    ...away.map(({ name, status, runs: its }) => ({
      verdict: 'unknown' as const,
      because: `node ${name} is ${status}, and may still run ${sayJobs(its)}: it is held until the deadline in ${say(deadlineMs / 1000)}`,
    })),
    ...(runs.some(({ jobType }) => jobType !== 'system') ? elses : []).map(({ name }) => ({
      verdict: 'unknown' as const,
      because: `node ${name} is drained already, and not by us: that drain has another deadline, which is not known`,
    })),
  ];
}

function ofBuilds({ builds, killChance, deadlineMs }: Facts): Finding[] {
  const known = builds.filter(({ rest }) => rest.saysAt(deadlineMs)).map(({ plan }) => plan);
  const [worst] = known.toSorted(worstFirst);
  const [unknown, ...more] = builds.filter(({ rest }) => !rest.saysAt(deadlineMs)).map(({ plan }) => plan);
  return [
    ...(worst
      ? [{ verdict: verdictOf(killChance), because: sayWorst(worst, known.length, killChance, deadlineMs) }]
      : []),
    ...(unknown
      ? [{ verdict: 'unknown' as const, because: `${unknown.because}${andMore(unknown, more, 'the same holds for')}` }]
      : []),
  ];
}

function verdictOf(killChance: number): Verdict {
  if (killChance > 0.5) return 'killed';
  return killChance > SMALL_CHANCE ? 'may-be-killed' : 'ends';
}

function sayWorst({ because }: BuildPlan, count: number, killChance: number, deadlineMs: number): string {
  const which = count > 1 ? `the longest of ${count} builds: ${because}` : because;
  if (killChance <= SMALL_CHANCE) return which;
  const [deadline, whom] = [`the deadline in ${say(deadlineMs / 1000)}`, count > 1 ? 'one' : 'it'];
  if (killChance >= NEARLY_CERTAIN) return `${which}; ${deadline} is nearly certain to kill ${whom}`;
  return `${which}; ${deadline} kills ${whom} with a chance of ${Math.round(killChance * 100)} %`;
}

function ofServices({ services }: Facts): Finding[] {
  const of = (where: ServicePlan['goes']) => services.filter(({ goes }) => goes === where);
  const finding = (verdict: Verdict, [first, ...more]: readonly ServicePlan[], and: string): Finding[] =>
    first ? [{ verdict, because: `${first.because}${andMore(first, more, and)}` }] : [];
  return [
    ...finding('nowhere', of('nowhere'), 'the same holds for'),
    ...finding('stops', of('stopped'), 'the same holds for'),
    ...finding('moves', of('perhaps'), 'the same holds for'),
    ...finding('moves', of('elsewhere'), 'and so have'),
  ];
}

function andMore(first: { job: string }, more: readonly { job: string }[], and: string): string {
  const others = more.filter(({ job }) => job !== first.job);
  return others.length > 0 ? `; ${and} ${sayJobs(others)}` : '';
}

function whyAtOnce({ instance: { clients }, runs }: Facts): string {
  const node = clients.map(({ name }) => name).join(' and ');
  if (!clients.some(isThere)) return `node ${node} is down, and nothing may live there`;
  return runs.length > 0 ? `only system jobs run on node ${node}: ${sayJobs(runs)}` : `nothing runs on node ${node}`;
}
