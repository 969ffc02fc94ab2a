import { Command } from '@commander-js/extra-typings';
import type { Report } from '../../../../lambda/core/drain/report.ts';
import type { Context, Run } from '../../context.ts';
import { secondsBack } from '../../duration.ts';
import { examples } from '../../examples.ts';
import { EXIT, type ExitCode } from '../../exit-code.ts';
import { checkServed } from '../../preflight.ts';
import { readReleases } from '../../releases.ts';
import { count } from '../../terminal/words.ts';
import { warningsText } from '../../warnings.ts';
import { historyText } from './text.ts';

const ABOUT = [
  "Lists the instances that the hook has released, and those that it has abandoned on their way into service: when, how, how long each took, what was killed, and why Auto Scaling chose it. It reads the function's log in CloudWatch, and the scaling activities of the groups.",
  'It needs logs:FilterLogEvents on the log group of the function, and autoscaling:DescribeScalingActivities.',
].join('\n\n');

const DEFAULT_SECONDS = 12 * 3600;

/** `history`: what was released, how, and what was lost. */
export const historyCommand = (run: Run) =>
  new Command('history')
    .summary('list the instances that were released, and what was killed')
    .description(ABOUT)
    .argument('[group]', 'only instances of this group')
    .option('--since <time>', 'how far back, such as 30m, 12h or 7d (default: 12h)', secondsBack)
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook history', 'what was released in the last twelve hours'],
        ['nomad-drain-hook history builders --since 7d --json', 'a week of one group, for a script'],
      ),
    )
    .action(run((context, group, { since }) => history(context, group, since ?? DEFAULT_SECONDS)));

async function history(context: Context, group: string | undefined, sinceSeconds: number): Promise<ExitCode> {
  const { account, screen } = context;
  const report = await context.ask<Report & { at: string }>({ command: 'status' });
  const { at, groups = [] } = report;
  if (group !== undefined) checkServed(group, report);
  const until = Date.parse(at);
  const since = until - sinceSeconds * 1000;
  const read = await screen.during('reading the log', readReleases(account, { since, until: until + 1 }));
  const unread = unreadableText(read.unreadable);
  const releases = read.releases.filter((each) => group === undefined || each.group === group);
  const causes = await screen.during('asking Auto Scaling', account.autoScaling.causes(group ? [group] : groups));
  const answer = {
    at,
    since: new Date(since).toISOString(),
    warnings: [...account.function.heard.warnings, ...unread],
    releases: releases.map((each) => ({ ...each, cause: causes.get(each.instanceId) ?? null })),
  };
  context.show(answer, (given, page) => [historyText(given, page), ...warningsText(unread, page)].join('\n\n'));
  return EXIT.ok;
}

const unreadableText = (unreadable: number): string[] =>
  unreadable === 0
    ? []
    : [`${count(unreadable, 'record')} of the function's log could not be read: a field is missing`];
