import { Command, Option } from '@commander-js/extra-typings';
import type { JobsAnswer } from '../../../../lambda/core/queries/jobs.ts';
import type { Answer } from '../../../../lambda/core/queries/query.ts';
import type { Run } from '../../context.ts';
import { examples } from '../../examples.ts';
import { EXIT } from '../../exit-code.ts';
import { jobsText } from './text.ts';

const STATUSES = ['running', 'pending', 'dead'] as const;

const ABOUT = [
  'Shows the jobs of each namespace: what waits and why the scheduler cannot place it, what runs and where, and how others have ended.',
  'It knows a job as long as Nomad has an allocation or a waiting evaluation of it. Of ended allocations the last 1,000 are read.',
].join('\n\n');

/** `jobs`: which run, wait and have ended, and why those wait that do. */
export const jobsCommand = (run: Run) =>
  new Command('jobs')
    .summary('show which jobs wait and why, which run, and which have ended')
    .description(ABOUT)
    .option('-n, --namespace <name>', 'only jobs of this namespace')
    .addOption(new Option('-s, --status <status>', 'only jobs of this status').choices(STATUSES))
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook jobs', 'all jobs that the token sees; of those that have ended the last ten'],
        ['nomad-drain-hook jobs --status pending', 'jobs without room, and why the scheduler cannot place them'],
        ['nomad-drain-hook jobs -n ci --status dead', 'all that has ended in a namespace, the last first'],
      ),
    )
    .action(
      run(async (context, { namespace, status }) => {
        const only = { ...(namespace !== undefined && { namespace }), ...(status !== undefined && { status }) };
        const answer = await context.ask<Answer & JobsAnswer>({ command: 'jobs', ...only });
        context.pass(answer, (given, page) => jobsText({ ...given, allEnded: status === 'dead' }, page));
        return EXIT.ok;
      }),
    );
