import { say, sayJobs } from '../explain.ts';
import type { EpochMs } from '../model/clock.ts';
import type { Place } from '../model/drain-event.ts';
import { type Candidate, type Client, type Running, runsOf } from './candidate.ts';
import { type EarlierRuns, Rest } from './durations.ts';
import { Room, stoppedAtOnce } from './free-capacity.ts';

/** An instance that goes. */
export interface Chosen {
  instanceId: string;
  place: Place;
  /** Nothing is lost, moved or waited for. */
  idle: boolean;
  because: string;
}

interface RankOptions {
  /** How many instances of each pool have to go. */
  wanted: ReadonlyMap<string, number>;
  /** All clients of the cluster: services may move to any of them. */
  clients: readonly Client[];
  /** How long earlier runs took, as far as Nomad has been asked. */
  earlier: EarlierRuns;
  now: EpochMs;
}

/** Who goes: as many of each pool as are wanted, the best first. */
export function rank(candidates: readonly Candidate[], { wanted, clients, earlier, now }: RankOptions): Chosen[] {
  const left = new Map(wanted);
  const chosen: Chosen[] = [];
  const isWanted = ({ pool }: Candidate) => (left.get(pool) ?? 0) > 0;
  const take = (candidate: Candidate, place: Place, because: string) => {
    const { instanceId, pool } = candidate;
    left.set(pool, (left.get(pool) ?? 0) - 1);
    const idle = IDLE.includes(place) || (place === 'leaving' && work(candidate).length === 0);
    chosen.push({ instanceId, place, idle, because });
  };

  const by = Map.groupBy(candidates.toSorted(byAge), placeOf);
  const rests = new Map(by.get('busy')?.map((each) => [each, longestOf(work(each), earlier, now)]));
  const stuck: { candidate: Candidate; nowhere: Running[] }[] = [];
  let room = new Room(clients);
  for (const place of PLACES) {
    for (const each of (by.get(place) ?? []).toSorted(place === 'busy' ? byRest(rests) : byWork)) {
      if (!isWanted(each)) continue;
      const services = place === 'movable' || place === 'busy' ? work(each).filter(isService) : [];
      const { after, nowhere } = room.move(each, services);
      if (nowhere.size > 0) stuck.push({ candidate: each, nowhere: [...nowhere.keys()] });
      else {
        room = after;
        take(each, place, why(place, each, rests.get(each)));
      }
    }
  }
  for (const { candidate, nowhere } of stuck.toSorted((one, other) => byWork(one.candidate, other.candidate))) {
    if (isWanted(candidate)) take(candidate, 'stuck', whyStuck(candidate, nowhere, clients));
  }
  return chosen;
}

/** The best first; `stuck` comes last. */
const PLACES = ['dead', 'leaving', 'empty', 'system', 'movable', 'unknown', 'busy'] as const;
const IDLE: readonly Place[] = ['dead', 'empty', 'system'];

function placeOf(candidate: Candidate): (typeof PLACES)[number] {
  const { clients } = candidate;
  if (clients.length === 0) return 'unknown';
  const alive = clients.filter(({ status }) => status !== 'down');
  // What runs on a node that is down is what Nomad keeps as unknown: its client may come back.
  if (alive.length === 0 && runsOf(candidate).length === 0) return 'dead';
  if (alive.length > 0 && alive.every(({ eligible, draining }) => draining || !eligible)) return 'leaving';
  if (runsOf(candidate).length === 0) return 'empty';
  if (work(candidate).length === 0) return 'system';
  return work(candidate).every(isService) ? 'movable' : 'busy';
}

function why(place: (typeof PLACES)[number], candidate: Candidate, rest: LongestRest | undefined): string {
  const node = nodeOf(candidate);
  const [jobs, left] = [sayJobs(runsOf(candidate)), sayJobs(work(candidate))];
  const draining = candidate.clients.some((client) => client.draining) ? 'draining already' : 'ineligible';
  return {
    dead: `${node} is down, and nothing may live there`,
    leaving: `${node} is ${draining}${left && `; still there: ${left}`}`,
    empty: `nothing runs on ${node}`,
    system: `only system jobs run on ${node}: ${jobs}`,
    movable: `the services of ${node} have room elsewhere: ${left}`,
    unknown: 'no node names it: it may have just booted, or not be a Nomad client',
    busy: rest ? sayRest(rest, node) : '',
  }[place];
}

/** What has to be moved or waited for. */
const work = (candidate: Candidate): Running[] => runsOf(candidate).filter(({ jobType }) => jobType !== 'system');

const isService = ({ jobType }: Running) => jobType === 'service';

const byWork = (one: Candidate, other: Candidate): number => work(one).length - work(other).length;

const age = ({ clients }: Candidate) => Math.min(...clients.map(({ registered }) => registered));

/** Those without a node stay as they are: all we know of their age is Auto Scaling's order. */
const byAge = (one: Candidate, other: Candidate): number => (age(one) === age(other) ? 0 : age(one) - age(other));

type LongestRest = ReturnType<typeof longestOf>;

/** Of the builds of a candidate the one that is expected to run longest: as long again as it has run, where no earlier run says more. */
function longestOf(runs: readonly Running[], earlier: EarlierRuns, now: number) {
  const builds = runs.filter((run) => !isService(run));
  const all = builds.map((build) => {
    const rest = Rest.of(build, earlier, now);
    const expected = rest.within(0.5);
    return { job: build.job, ms: expected ?? rest.ranMs, known: expected !== undefined, builds: builds.length };
  });
  return all.reduce((one, other) => (other.ms > one.ms ? other : one));
}

const byRest = (rests: ReadonlyMap<Candidate, LongestRest>) => (one: Candidate, other: Candidate) => {
  const [a, b] = [rests.get(one), rests.get(other)] as [LongestRest, LongestRest];
  return a.ms - b.ms || a.builds - b.builds;
};

function sayRest({ job, ms, known, builds }: LongestRest, node: string): string {
  const others = builds > 1 ? `; and ${builds - 1} more run there` : '';
  if (known) return `${job} on ${node} is expected to take ${say(ms / 1000)} more${others}`;
  return `${job} on ${node} has run for ${say(ms / 1000)}, and no earlier run says how much more it takes${others}`;
}

/** No job is read in the time that there is: by default one of a group moves at a time. */
function whyStuck(candidate: Candidate, nowhere: readonly Running[], clients: readonly Client[]): string {
  const stopped = stoppedAtOnce(nowhere, { clients });
  const kept = nowhere.filter((run) => !stopped.has(run));
  const then = [
    ...(stopped.size > 0 ? [`stops ${sayJobs([...stopped.keys()])} at once, with no replacement`] : []),
    ...(kept.length > 0 ? [`waits for ${sayJobs(kept)} until its deadline`] : []),
  ];
  return `services of ${nodeOf(candidate)} have nowhere to go: by default a drain ${then.join(', and ')}`;
}

const nodeOf = ({ clients }: Candidate): string => `node ${clients.map(({ name }) => name).join(' and ')}`;
