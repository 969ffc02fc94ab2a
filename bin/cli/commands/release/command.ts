import { Command } from '@commander-js/extra-typings';
import type { InstanceReport, Report } from '../../../../lambda/core/drain/report.ts';
import { type ChangeOptions, confirmAndApply } from '../../confirm-and-apply.ts';
import { DRY_RUN, typed, YES } from '../../consent.ts';
import type { Context, Run } from '../../context.ts';
import { examples } from '../../examples.ts';
import { EXIT, type ExitCode } from '../../exit-code.ts';
import { Problem } from '../../problem.ts';
import { noWaiting, resolveInstance } from '../../resolve-instance.ts';
import { allocationsText } from '../../terminal/allocations.ts';
import { wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';

const ABOUT = [
  'Ends the wait of an instance now: it is terminated, with all that runs on it.',
  'It shows what this will kill. Confirm by typing the whole id.',
  'It is usually better to end what runs in Nomad; the hook then releases the instance: nomad alloc stop <allocation>, or a nearer deadline, nomad node drain -enable -deadline 10m <node>.',
].join('\n\n');

/** `release`: lets Auto Scaling terminate an instance that waits, whatever runs on it. */
export const releaseCommand = (run: Run) =>
  new Command('release')
    .summary('end the wait of an instance now, with all that runs on it')
    .description(ABOUT)
    .argument('<instance>', 'its id, the name or id of its node, or a unique prefix of one of them')
    .addOption(YES)
    .addOption(DRY_RUN)
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook release client-3', 'shows what it will kill, and asks for confirmation'],
        ['nomad-drain-hook release i-0123456789abcdef0 --yes', 'for a script: only with the whole id'],
      ),
    )
    .action(run((context, given, options: ChangeOptions) => release(context, given, options)));

async function release(context: Context, given: string, options: ChangeOptions): Promise<ExitCode> {
  const report = await context.ask<Report>({ command: 'status' });
  const held = report.instances.filter(({ notice }) => notice === undefined);
  const instance = resolveInstance(given, held, noWaiting(given, held));
  const { instanceId, group, hook, nodeId, nodeName, remaining } = instance;
  if (options.yes && given !== instanceId) {
    throw new Problem(`with --yes it needs the whole id, not ${given}`, `It would be: release ${instanceId} --yes`);
  }
  context.explain(instance, dyingText);
  await confirmAndApply(
    context,
    {
      answer: { instanceId, group, hook, nodeId, nodeName, remaining },
      agree: (agreed) => typed(context, `Type ${instanceId} to release it`, instanceId, agreed),
      make: () => context.account.autoScaling.complete({ instanceId, group, hook }).catch(notHeld),
      done: `${instanceId} is released: EC2 terminates it now.`,
    },
    options,
  );
  return EXIT.ok;
}

function notHeld(error: Error): never {
  if (!/No active Lifecycle Action found/.test(error.message)) throw error;
  throw new Problem(
    'Auto Scaling does not hold it any more, or not yet',
    'See its state with: nomad-drain-hook status',
  );
}

function dyingText(instance: InstanceReport, page: Page): string {
  const { instanceId, nodeName, group, remaining, because, unserved } = instance;
  const dies = unserved ? page.ink.bad('What runs there is not known.') : 'This will kill:';
  return [
    `${page.ink.heading(instanceId)}  ${nodeName ?? 'no Nomad node'}  waits in ${group}`,
    wrap(because, page.columns, '  '),
    unserved ? dies : `${dies}\n${allocationsText(remaining, page)}`,
  ].join('\n\n');
}
