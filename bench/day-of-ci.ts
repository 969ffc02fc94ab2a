/**
 * `node bench/day-of-ci.ts [days] [seed]`: who goes when a group of CI clients scales in, by different policies, over the same
 * days of builds. docs/decisions/0007 says what the days are made of.
 */
import { dayOfBuilds } from './builds.ts';
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
    const mean = (of: keyof Outcome) => outcomes.reduce((sum, outcome) => sum + outcome[of], 0) / days;
    console.log(row([name, ...COLUMNS.map(([, of, digits]) => mean(of).toFixed(digits))]));
  }
}
