import { Command } from '@commander-js/extra-typings';
import type { Run } from '../../context.ts';
import { examples } from '../../examples.ts';
import { EXIT } from '../../exit-code.ts';
import { checkServed } from '../../preflight.ts';
import { INTERVAL, watch } from '../../watch.ts';
import { askStatus, type StatusAnswer } from './ask.ts';
import { needsPerson, statusText } from './text.ts';

const ABOUT = [
  'Shows the waiting instances of each group: since when each waits, how much of the time to its deadline is over, and what it is waiting for; those on their way into service, where they wait for their Nomad nodes; and those in service for ten minutes that are no Nomad nodes.',
  'The exit code is 2 if a drain is stuck, an instance is retained or missing in Nomad, a request was not answered, no sweep has run for a quarter of an hour, or the function has a warning.',
].join('\n\n');

/** @throws Problem if the function does not serve the group */
function ofGroup(report: StatusAnswer, group: string | undefined): StatusAnswer {
  if (group === undefined) return report;
  checkServed(group, report);
  const { instances, joining, missing, retained = [] } = report;
  const isIts = (each: { group: string }) => each.group === group;
  return {
    ...report,
    groups: [group],
    instances: instances.filter(isIts),
    ...(joining && { joining: joining.filter(isIts) }),
    ...(missing && { missing: missing.filter(isIts) }),
    retained: retained.filter(isIts),
  };
}

/** `status`: the waiting instances, since when, until when at most, and for what. */
export const statusCommand = (run: Run) =>
  new Command('status')
    .summary('show which instances wait, and for what')
    .description(ABOUT)
    .argument('[group]', 'only this group')
    .option('-w, --watch', 'refresh until Ctrl-C')
    .addOption(INTERVAL)
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook status', 'the waiting instances; exit code 2 if action is needed'],
        ['nomad-drain-hook status -w', 'the same, refreshed every five seconds'],
        ['nomad-drain-hook status --json | jq .instances', 'the same for a script'],
      ),
    )
    .action(
      run(async (context, group, options) => {
        const ask = async (signal?: AbortSignal) => ofGroup(await askStatus(context.account, signal), group);
        if (!options.watch) {
          const report = await context.screen.during('asking the function', ask());
          context.pass(report, statusText);
          return needsPerson(report) ? EXIT.personNeeded : EXIT.ok;
        }
        await watch(context.screen.live('stdout'), options.interval, async (signal) => {
          const report = await ask(signal);
          return { text: context.passed(report, statusText), done: false };
        });
        return EXIT.interrupted;
      }),
    );
