import { type Candidate, type Client, type EarlierRuns, jobKey, type Running } from './candidate.ts';
import { say, sayJobs } from './explain.ts';
import { Room } from './room.ts';

/** Why an instance goes before others, the best reason first (docs/decisions/0007). */
export type Place = 'dead' | 'leaving' | 'empty' | 'system' | 'movable' | 'unknown' | 'busy' | 'stuck';

/** An instance that goes. */
export interface Chosen {
  instanceId: string;
  place: Place;
  /** Nothing is lost, moved or waited for. */
  idle: boolean;
  because: string;
}

export interface Circumstances {
  /** How many instances of each pool have to go. */
  wanted: ReadonlyMap<string, number>;
  /** All clients of the cluster: services may move to any of them. */
  clients: readonly Client[];
  /** How long earlier runs took, as far as Nomad has been asked. */
  earlier: EarlierRuns;
  /** Milliseconds since the epoch. */
  now: number;
}

/** Who goes: as many of each pool as are wanted, the best first. */
export function rank(candidates: readonly Candidate[], { wanted, clients, earlier, now }: Circumstances): Chosen[] {
  const left = new Map(wanted);
  const room = new Room(clients);
  const chosen: Chosen[] = [];
  const isWanted = ({ pool }: Candidate) => (left.get(pool) ?? 0) > 0;
  const take = (candidate: Candidate, place: Place, idle: boolean, because: string) => {
    left.set(candidate.pool, (left.get(candidate.pool) ?? 0) - 1);
    room.leave(candidate);
    chosen.push({ instanceId: candidate.instanceId, place, idle, because });
  };

  const by = Map.groupBy(candidates.toSorted(byAge), kindOf);
  const of = (kind: Kind) => by.get(kind) ?? [];
  const homeless: Candidate[] = [];

  for (const each of of('dead'))
    if (isWanted(each)) take(each, 'dead', true, `${nodeOf(each)} is down, and nothing may live there`);
  for (const each of of('leaving').toSorted((one, other) => work(one).length - work(other).length)) {
    if (isWanted(each)) take(each, 'leaving', work(each).length === 0, whyLeaving(each));
  }
  for (const each of of('empty')) if (isWanted(each)) take(each, 'empty', true, `nothing runs on ${nodeOf(each)}`);
  for (const each of of('system')) {
    if (isWanted(each)) take(each, 'system', true, `only system jobs run on ${nodeOf(each)}: ${sayJobs(runsOf(each))}`);
  }
  for (const each of of('services').toSorted((one, other) => work(one).length - work(other).length)) {
    if (!isWanted(each)) continue;
    if (room.move(each, work(each))) {
      take(each, 'movable', false, `the services of ${nodeOf(each)} have room elsewhere: ${sayJobs(work(each))}`);
    } else homeless.push(each);
  }
  for (const each of of('unknown')) {
    if (isWanted(each)) take(each, 'unknown', false, 'no node names it: it may have just booted, or be no client');
  }
  for (const { candidate, rest } of of('builds').map(withRest).toSorted(byRest)) {
    if (!isWanted(candidate)) continue;
    const services = work(candidate).filter(({ jobType }) => jobType === 'service');
    if (room.move(candidate, services)) take(candidate, 'busy', false, sayRest(rest, nodeOf(candidate)));
    else homeless.push(candidate);
  }
  for (const each of homeless.toSorted((one, other) => work(one).length - work(other).length)) {
    const services = work(each).filter(({ jobType }) => jobType === 'service');
    if (isWanted(each))
      take(each, 'stuck', false, `services of ${nodeOf(each)} have nowhere to go: ${sayJobs(services)}`);
  }
  return chosen;

  function withRest(candidate: Candidate) {
    const builds = work(candidate).filter(({ jobType }) => jobType !== 'service');
    const rests = builds.map((build) => restOf(build, earlier, now)).toSorted((one, other) => other.ms - one.ms);
    return { candidate, rest: { longest: rests[0] as Rest, builds: builds.length } };
  }
}

type Kind = 'dead' | 'leaving' | 'empty' | 'system' | 'services' | 'unknown' | 'builds';

function kindOf(candidate: Candidate): Kind {
  const { clients } = candidate;
  if (clients.length === 0) return 'unknown';
  const alive = clients.filter(({ status }) => status !== 'down');
  // What runs on a node that is down is what Nomad keeps as unknown: its client may come back.
  if (alive.length === 0 && runsOf(candidate).length === 0) return 'dead';
  if (alive.length > 0 && alive.every(({ eligible, draining }) => draining || !eligible)) return 'leaving';
  if (runsOf(candidate).length === 0) return 'empty';
  if (work(candidate).length === 0) return 'system';
  return work(candidate).every(({ jobType }) => jobType === 'service') ? 'services' : 'builds';
}

const runsOf = ({ clients }: Candidate): Running[] => clients.flatMap(({ runs }) => runs);

/** What has to be moved or waited for. */
const work = (candidate: Candidate): Running[] => runsOf(candidate).filter(({ jobType }) => jobType !== 'system');

const age = ({ clients }: Candidate) => Math.min(...clients.map(({ registered }) => registered));

/** Those without a node stay as they are: all we know of their age is Auto Scaling's order. */
const byAge = (one: Candidate, other: Candidate): number => (age(one) === age(other) ? 0 : age(one) - age(other));

/** How long a build may still run, in milliseconds, and what that is taken from. */
interface Rest {
  build: Running;
  ms: number;
  ranMs: number;
  known: boolean;
}

/** By what earlier runs took that had lasted as long, where there are such. Else as long again. */
function restOf(build: Running, earlier: EarlierRuns, now: number): Rest {
  const ranMs = Math.max(0, now - build.createdAt);
  const median = earlier.get(jobKey(build))?.within(0.5, ranMs);
  return { build, ranMs, ms: median === undefined ? ranMs : median - ranMs, known: median !== undefined };
}

interface RestOfAll {
  longest: Rest;
  builds: number;
}

function byRest({ rest: one }: { rest: RestOfAll }, { rest: other }: { rest: RestOfAll }): number {
  return one.longest.ms - other.longest.ms || one.builds - other.builds;
}

function sayRest({ longest, builds }: RestOfAll, node: string): string {
  const { build, known, ms, ranMs } = longest;
  const others = builds > 1 ? ` and ${builds - 1} more` : '';
  const which = `${build.job} on ${node}`;
  if (known) return `${which} is expected to take ${say(ms / 1000)} more${others && `;${others} run there`}`;
  return `${which} has run for ${say(ranMs / 1000)}, and no earlier run says how much more it takes${others && `;${others} run there`}`;
}

function whyLeaving(candidate: Candidate): string {
  const draining = candidate.clients.some((client) => client.draining);
  const left = work(candidate);
  const rest = left.length > 0 ? `; still there: ${sayJobs(left)}` : '';
  return `${nodeOf(candidate)} is ${draining ? 'draining already' : 'ineligible'}${rest}`;
}

const nodeOf = ({ clients }: Candidate): string => `node ${clients.map(({ name }) => name).join(' and ')}`;
