/**
 * `node bench/day-of-ci.ts [days] [seed]`: who goes when a group of CI clients scales in, by different policies, over the same
 * days of builds. docs/decisions/0007 says what the days are made of.
 */
import { type Build, dayOfBuilds, HOUR, MINUTE } from './builds.ts';
import {
  byBillingHour,
  byRank,
  newestFirst,
  type Outcome,
  oldestFirst,
  type Policy,
  play,
} from './group-of-clients.ts';

const COLUMNS: [title: string, of: keyof Outcome, digits: number][] = [
  ['clients that went', 'gone', 0],
  ['of these idle', 'idle', 0],
  ['builds waited for', 'waitedFor', 0],
  ['minutes drained', 'drainedMinutes', 0],
  ['longest drain, minutes', 'longestDrainMinutes', 0],
  ['instance hours', 'instanceHours', 1],
  ['a build queues, seconds', 'queuedSeconds', 1],
];
const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

const meanOf = (outcomes: readonly Outcome[]) => (of: keyof Outcome) =>
  outcomes.reduce((sum, outcome) => sum + outcome[of], 0) / outcomes.length;

const [days = 20, seed = 1] = process.argv.slice(2).map(Number);

const POLICIES: [name: string, policy: Policy][] = [
  ["AWS's default", byBillingHour],
  ['oldest first', oldestFirst],
  ['newest first', newestFirst],
  ['this function', byRank],
];

const worlds = Array.from({ length: days }, (_, index) => dayOfBuilds(seed + index));
const builds = worlds.reduce((sum, day) => sum + day.length, 0);
console.log(
  `${days} days of ${Math.round(builds / days)} builds each, on average; seed ${seed}. Each figure is that of one day.`,
);

for (const placement of ['binpack', 'spread'] as const) {
  console.log(`\nBuilds are placed by ${placement}:\n`);
  console.log(row(['who goes', ...COLUMNS.map(([title]) => title)]));
  console.log(row(['who goes', ...COLUMNS].map(() => '---')));
  for (const [name, policy] of POLICIES) {
    const outcomes = worlds.map((day) => play(day, policy, placement));
    const mean = meanOf(outcomes);
    console.log(row([name, ...COLUMNS.map(([, of, digits]) => mean(of).toFixed(digits))]));
  }
}

/** From the answer to the drain it takes a real Nomad two seconds; a step of the simulation is five. */
const RACE_MS = 5_000;
console.log('\nBuilds that are placed on a chosen client in the five seconds until its drain begins, a day:\n');
console.log(row(['builds are placed by', 'of so many that went', 'builds']));
console.log(row(['---', '---', '---']));
for (const placement of ['binpack', 'spread'] as const) {
  const outcomes = worlds.map((day) => play(day, byRank, placement, { raceMs: RACE_MS }));
  const mean = meanOf(outcomes);
  console.log(row([placement, mean('gone').toFixed(0), mean('raced').toFixed(2)]));
}

/** Builds that a short deadline suits have a group of their own. */
const isShort = ({ job }: Build) => job === 'lint' || job === 'unit-tests';
const SHORT_DEADLINE_MS = 10 * MINUTE;
const GROUPS: [name: string, takes: (build: Build) => boolean, deadlineMs: number][] = [
  ['one group, 6 h', () => true, 6 * HOUR],
  ['one group, 10 min', () => true, SHORT_DEADLINE_MS],
  ['of two: lint and unit tests, 10 min', isShort, SHORT_DEADLINE_MS],
  ['of two: the longer builds, 6 h', (build) => !isShort(build), 6 * HOUR],
];
const MIXED: typeof COLUMNS = [...COLUMNS.filter(([, of]) => of !== 'queuedSeconds'), ['builds killed', 'killed', 2]];
console.log('\nA mixed fleet: two groups with drain deadlines of their own, beside one group for all, by binpack:\n');
console.log(row(['group and its deadline', 'who goes', ...MIXED.map(([title]) => title)]));
console.log(row(['group and its deadline', 'who goes', ...MIXED].map(() => '---')));
for (const [name, takes, deadlineMs] of GROUPS) {
  for (const [who, policy] of POLICIES.filter(([, each]) => each === byBillingHour || each === byRank)) {
    const outcomes = worlds.map((day) => play(day.filter(takes), policy, 'binpack', { deadlineMs }));
    const mean = meanOf(outcomes);
    console.log(row([name, who, ...MIXED.map(([, of, digits]) => mean(of).toFixed(digits))]));
  }
}
