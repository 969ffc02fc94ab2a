import { Command, InvalidArgumentError } from '@commander-js/extra-typings';
import type { AllocationLogs } from '../../../../lambda/core/queries/logs.ts';
import type { Run } from '../../context.ts';
import { secondsBack } from '../../duration.ts';
import { examples } from '../../examples.ts';
import { EXIT } from '../../exit-code.ts';
import { Problem } from '../../problem.ts';
import { INTERVAL } from '../../watch.ts';
import { followOne, type OneLog } from './follow.ts';
import { lastLines, recentOnly } from './part.ts';
import { isUnread, logsText, nameOf } from './text.ts';
import { askWhose } from './whose.ts';

/** Of one log in bytes: what the function gives at most. */
const MOST_BYTES = 65_536;

const ABOUT = [
  'Shows the end of what a build has written to stderr, by its allocation, or by the instance or node that it holds.',
  'Nomad keeps no times with the lines of a log: --since chooses builds by when they ended, and --lines how much is shown of each.',
  'The Nomad token of the function needs read-logs in the namespace of the build.',
].join('\n\n');

/** `logs`: what builds have written last. */
export const logsCommand = (run: Run) =>
  new Command('logs')
    .argument(
      '<whose>',
      'an allocation, an instance or a node: its id, the name of a node, or a unique prefix of one of them',
    )
    .argument('[job]', 'of an instance or a node: only this job; its last run, if it has ended')
    .summary('show the end of what a build writes, or follow it')
    .description(ABOUT)
    .option('-f, --follow', 'follow until the build ends, or until Ctrl-C')
    .option('--stdout', 'what they write to stdout instead')
    .option('--all', 'of everything that holds the instance or node')
    .option('--task <name>', 'of this task alone')
    .option('-n, --lines <number>', 'only the last lines of each log', lines)
    .option('--bytes <number>', 'how much of the end of each log', bytes)
    .option('--since <time>', 'no build that ended longer ago, such as 30m, 12h or 7d', secondsBack)
    .addOption(INTERVAL)
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook logs client-3 build-42 -n 20', 'the last 20 lines of the last run of build-42 there'],
        ['nomad-drain-hook logs adc7d016', 'the end of what this allocation writes to stderr'],
        ['nomad-drain-hook logs i-0123456789abcdef0 build-42 -f', 'follows a build on an instance'],
        ['nomad-drain-hook logs builder-1 --all --stdout', 'everything that holds this node'],
      ),
    )
    .action(
      run(async (context, whose, job, options) => {
        const { stdout = false, task, all = false, follow = false } = options;
        // Lines are counted here, in the most that there is.
        const size = options.bytes ?? (options.lines === undefined ? undefined : MOST_BYTES);
        const asked = {
          ...(job !== undefined && { job }),
          ...(task !== undefined && { task }),
          ...(size !== undefined && { bytes: size }),
          stream: stdout ? 'stdout' : 'stderr',
        };
        const found = recentOnly(await askWhose(context, whose, asked), options.since);
        const answer = options.lines === undefined ? found : lastLines(context, found, options.lines);
        const { logs } = answer;
        if (logs.length > 1 && !all) throw severalAllocations(whose, logs);
        if (follow) return followOne(context, answer, onlyLog(logs), { asked, interval: options.interval });
        context.pass(answer, logsText);
        const tasks = logs.flatMap((each) => each.tasks);
        return tasks.every(isUnread) ? EXIT.failed : EXIT.ok;
      }),
    );

function bytes(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && 0 < number && number <= MOST_BYTES) return number;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST_BYTES}.`);
}

function lines(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

function severalAllocations(whose: string, logs: readonly AllocationLogs[]): Problem {
  const named = logs.map(({ id, job }) => `${job} (${id.slice(0, 8)})`).join(', ');
  return new Problem(
    `${whose} runs more than one allocation: ${named}`,
    'Name one by its job or its id, or use --all.',
  );
}

function onlyLog(logs: readonly AllocationLogs[]): OneLog {
  const all = logs.flatMap((allocation) => allocation.tasks.map((log): OneLog => ({ allocation, log })));
  const [only, ...others] = all;
  if (only && others.length === 0) return only;
  throw new Problem(
    `only one log can be followed: ${all.map(({ allocation, log }) => nameOf(allocation, log)).join(', ')}`,
    'Name one by the allocation, and with --task <name>.',
  );
}
