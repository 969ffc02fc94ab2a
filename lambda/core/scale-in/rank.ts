import { say, sayJobs } from '../explain.ts';
import type { Place } from '../model/drain-event.ts';
import { type Candidate, type Client, type Running, runsOf } from './candidate.ts';
import { type KnownDurations, Rest } from './durations.ts';
import { Room, stoppedAtOnce } from './free-capacity.ts';

/** An instance that goes. */
export interface Chosen {
  instanceId: string;
  place: Place;
  /** Nothing is lost, moved or waited for. */
  idle: boolean;
  because: string;
}

interface RankOptions extends KnownDurations {
  /** How many instances of each pool have to go. */
  wanted: ReadonlyMap<string, number>;
  /** All clients of the cluster: services may move to any of them. */
  clients: readonly Client[];
}

/** Which instances go: as many of each pool as are wanted, the best first. Those come last whose services have nowhere to go. */
export function rank(candidates: readonly Candidate[], options: RankOptions): Chosen[] {
  const left = new Map(options.wanted);
  const chosen: Chosen[] = [];
  const isWanted = ({ pool }: Candidate) => (left.get(pool) ?? 0) > 0;
  const take = ({ candidate, place, because }: Ranked) => {
    const { instanceId, pool } = candidate;
    left.set(pool, (left.get(pool) ?? 0) - 1);
    const idle = IDLE.includes(place) || (place === 'leaving' && work(candidate).length === 0);
    chosen.push({ instanceId, place, idle, because });
  };

  const stuck: Ranked[] = [];
  let room = new Room(options.clients);
  for (const ranked of bestFirst(candidates, options)) {
    const { candidate } = ranked;
    if (!isWanted(candidate)) continue;
    const { after, nowhere } = room.move(candidate, movedFrom(ranked));
    if (nowhere.size > 0) {
      stuck.push({ candidate, place: 'stuck', because: whyStuck(candidate, [...nowhere.keys()], options.clients) });
      continue;
    }
    room = after;
    take(ranked);
  }
  for (const ranked of stuck.toSorted(byWork)) if (isWanted(ranked.candidate)) take(ranked);
  return chosen;
}

/** A candidate at its place. */
interface Ranked extends Finding {
  candidate: Candidate;
  place: Place;
}

/** What a rule says of a candidate to which it applies. */
interface Finding {
  because: string;
  /** Of the build that is waited for longest, where the place waits for builds. */
  rest?: LongestRest;
}

type Rule = (candidate: Candidate) => Finding | undefined;

/** The first rule that applies to a candidate says its place; where none does, it is busy. */
const RULES: readonly (readonly [Place, Rule])[] = [
  ['unknown', unknown],
  ['dead', dead],
  ['leaving', leaving],
  ['empty', empty],
  ['system', system],
  ['movable', movable],
];
/** The best first. */
const PLACES: readonly Place[] = ['dead', 'leaving', 'empty', 'system', 'movable', 'unknown', 'busy'];
const IDLE: readonly Place[] = ['dead', 'empty', 'system'];

function bestFirst(candidates: readonly Candidate[], options: RankOptions): Ranked[] {
  const ranked = candidates.toSorted(byAge).map((candidate) => rankOne(candidate, options));
  const by = Map.groupBy(ranked, ({ place }) => place);
  return PLACES.flatMap((place) => (by.get(place) ?? []).toSorted(place === 'busy' ? byRest : byWork));
}

function rankOne(candidate: Candidate, options: RankOptions): Ranked {
  for (const [place, rule] of RULES) {
    const finding = rule(candidate);
    if (finding) return { candidate, place, ...finding };
  }
  return { candidate, place: 'busy', ...busy(candidate, options) };
}

function unknown({ clients }: Candidate): Finding | undefined {
  if (clients.length > 0) return undefined;
  return { because: 'no node names it: it may have just booted, or not be a Nomad client' };
}

/** What runs on a node that is down is what Nomad keeps as unknown: its client may come back. */
function dead(candidate: Candidate): Finding | undefined {
  if (heardOf(candidate).length > 0 || runsOf(candidate).length > 0) return undefined;
  return { because: `${nodeOf(candidate)} is down, and nothing may live there` };
}

function leaving(candidate: Candidate): Finding | undefined {
  const heard = heardOf(candidate);
  if (heard.length === 0 || heard.some(({ eligible, draining }) => eligible && !draining)) return undefined;
  const how = candidate.clients.some(({ draining }) => draining) ? 'draining already' : 'ineligible';
  const left = sayJobs(work(candidate));
  return { because: `${nodeOf(candidate)} is ${how}${left && `; still there: ${left}`}` };
}

function empty(candidate: Candidate): Finding | undefined {
  return runsOf(candidate).length === 0 ? { because: `nothing runs on ${nodeOf(candidate)}` } : undefined;
}

function system(candidate: Candidate): Finding | undefined {
  if (work(candidate).length > 0) return undefined;
  return { because: `only system jobs run on ${nodeOf(candidate)}: ${sayJobs(runsOf(candidate))}` };
}

function movable(candidate: Candidate): Finding | undefined {
  if (!work(candidate).every(isService)) return undefined;
  return { because: `the services of ${nodeOf(candidate)} have room elsewhere: ${sayJobs(work(candidate))}` };
}

function busy(candidate: Candidate, options: RankOptions): Finding {
  const rest = longestOf(work(candidate), options);
  return { because: sayRest(rest, nodeOf(candidate)), rest };
}

/** Its clients that Nomad hears of. */
const heardOf = ({ clients }: Candidate): Client[] => clients.filter(({ status }) => status !== 'down');

/** What has to be moved or waited for. */
const work = (candidate: Candidate): Running[] => runsOf(candidate).filter(({ jobType }) => jobType !== 'system');

const isService = ({ jobType }: Running) => jobType === 'service';

/** The services that need room elsewhere: those of a node that is leaving are on their way. */
const movedFrom = ({ candidate, place }: Ranked): Running[] =>
  place === 'movable' || place === 'busy' ? work(candidate).filter(isService) : [];

const byWork = ({ candidate: one }: Ranked, { candidate: other }: Ranked): number =>
  work(one).length - work(other).length;

const age = ({ clients }: Candidate) => Math.min(...clients.map(({ registered }) => registered));

/** Those without a node stay as they are: all we know of their age is Auto Scaling's order. */
const byAge = (one: Candidate, other: Candidate): number => (age(one) === age(other) ? 0 : age(one) - age(other));

type LongestRest = ReturnType<typeof longestOf>;

/**
 * Of the builds of a candidate the one that is expected to run longest: as long again as it has run, where no earlier run says more, and never
 * longer than its limit.
 */
function longestOf(runs: readonly Running[], options: RankOptions) {
  const builds = runs.filter((run) => !isService(run));
  const all = builds.map((build) => {
    const rest = Rest.of(build, options);
    const expected = rest.within(0.5);
    const ms = expected ?? Math.min(rest.ranMs, rest.limitMs ?? Number.POSITIVE_INFINITY);
    const by = expected !== undefined ? 'runs' : ms < rest.ranMs ? 'limit' : 'nothing';
    return { job: build.job, ms, by, builds: builds.length };
  });
  return all.reduce((one, other) => (other.ms > one.ms ? other : one));
}

const byRest = ({ rest: one }: Ranked, { rest: other }: Ranked): number =>
  one && other ? one.ms - other.ms || one.builds - other.builds : 0;

function sayRest({ job, ms, by, builds }: LongestRest, node: string): string {
  const others = builds > 1 ? `; and ${builds - 1} more run there` : '';
  if (by === 'runs') return `${job} on ${node} is expected to take ${say(ms / 1000)} more${others}`;
  if (by === 'limit') return `the max_run_duration of ${job} on ${node} ends it within ${say(ms / 1000)}${others}`;
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
