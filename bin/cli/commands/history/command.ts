import { Command, InvalidArgumentError } from '@commander-js/extra-typings';
import type { Context, Run } from '../../context.ts';
import { examples } from '../../examples.ts';
import { EXIT, type ExitCode } from '../../exit-code.ts';
import { Problem } from '../../problem.ts';
import { readReleases } from '../../releases.ts';
import { historyText } from './text.ts';

const ABOUT = [
  "Lists the instances that the hook has released: when, how, how long each took, what was killed, and why Auto Scaling chose it. It reads the function's log in CloudWatch, and the scaling activities of the groups.",
  'It needs logs:FilterLogEvents on the log group of the function, and autoscaling:DescribeScalingActivities.',
].join('\n\n');

const UNITS: Record<string, number> = { m: 60, h: 3600, d: 86_400 };
const DEFAULT_SECONDS = 12 * 3600;

/** `history`: what was released, how, and what was lost. */
export const historyCommand = (run: Run) =>
  new Command('history')
    .summary('list the instances that were released, and what was killed')
    .description(ABOUT)
    .argument('[group]', 'only instances of this group')
    .option('--since <time>', 'how far back, such as 30m, 12h or 7d (default: 12h)', duration)
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook history', 'what was released in the last twelve hours'],
        ['nomad-drain-hook history builders --since 7d --json', 'a week of one group, for a script'],
      ),
    )
    .action(run((context, group, { since }) => history(context, group, since ?? DEFAULT_SECONDS)));

function duration(text: string): number {
  const [, number, unit = ''] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const seconds = Number(number) * (UNITS[unit] ?? Number.NaN);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError('It has to be a number of minutes, hours or days, such as 30m, 12h or 7d.');
}

async function history(context: Context, group: string | undefined, sinceSeconds: number): Promise<ExitCode> {
  const { account, screen } = context;
  const { at, groups = [] } = await context.ask<{ at: string; groups?: string[] }>({ command: 'status' });
  if (group !== undefined && !groups.includes(group)) {
    throw new Problem(`group ${group} is not served by this drain hook`, `It serves ${groups.join(', ')}.`);
  }
  const until = Date.parse(at);
  const since = until - sinceSeconds * 1000;
  const all = await screen.during('reading the log', readReleases(account, { since, until: until + 1 }));
  const releases = all.filter((each) => group === undefined || each.group === group);
  const causes = await screen.during('asking Auto Scaling', account.autoScaling.causes(group ? [group] : groups));
  const answer = {
    run: 'history',
    at,
    since: new Date(since).toISOString(),
    releases: releases.map((each) => ({ ...each, cause: causes.get(each.instanceId) ?? null })),
  };
  context.show(answer, historyText);
  return EXIT.ok;
}
