import { Command } from '@commander-js/extra-typings';
import type { Report } from '../../../lambda/core/report.ts';
import type { Run } from '../context.ts';
import { examples } from '../examples.ts';
import { EXIT } from '../exit-code.ts';
import { needsPerson, statusText } from './text.ts';

/** `status`: who waits, since when, until when at most, and for what. */
export const statusCommand = (run: Run) =>
  new Command('status')
    .description('show which instances wait, and what each of them waits for')
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook status', 'who waits, and for what; exit code 2 if a person is needed'],
        ['nomad-drain-hook status --json | jq .instances', 'the same for a script'],
      ),
    )
    .action(
      run(async (context, _options: object) => {
        const report = await context.ask<Report>({ command: 'status' });
        context.show(report, statusText);
        return needsPerson(report) ? EXIT.personNeeded : EXIT.ok;
      }),
    );
