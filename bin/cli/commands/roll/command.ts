import { Command } from '@commander-js/extra-typings';
import type { Report } from '../../../../lambda/core/drain/report.ts';
import type { PlanAnswer } from '../../../../lambda/core/queries/plan/plan.ts';
import type { Group } from '../../aws/auto-scaling.ts';
import { confirmAndApply } from '../../confirm-and-apply.ts';
import { consent, DRY_RUN, YES } from '../../consent.ts';
import type { Context, Run } from '../../context.ts';
import { examples } from '../../examples.ts';
import { EXIT, type ExitCode } from '../../exit-code.ts';
import { grouped } from '../../grouped.ts';
import { checkServed, preflight } from '../../preflight.ts';
import { Problem } from '../../problem.ts';
import { count } from '../../terminal/words.ts';
import { INTERVAL } from '../../watch.ts';
import { checkRollable, checkVersion, rollWarnings } from './checks.ts';
import { controlRoll } from './control.ts';
import * as option from './options.ts';
import { rollPlan } from './roll-plan.ts';
import { rollText } from './text.ts';
import { watchRoll } from './watch-roll.ts';

const ABOUT = [
  'Replaces the instances of a group by new ones, with an instance refresh of Auto Scaling: launches first, and drains the old ones.',
  'It shows what will happen, asks for confirmation, starts, and watches; Ctrl-C ends the watch, not the roll. A group that has its version everywhere is left alone, and a roll that has failed goes on where it was.',
].join('\n\n');

type Options = option.RollOptions & Partial<Record<option.Control, true>>;

/** `roll`: replaces the instances of a group. */
export const rollCommand = (run: Run) =>
  new Command('roll')
    .summary('replace the instances of a group, and watch')
    .description(ABOUT)
    .argument('<group>', 'the name of the Auto Scaling group')
    .option('--template-version <version>', 'of the launch template; else as the group says')
    .addOption(option.MAX_HEALTHY)
    .addOption(option.CANARY)
    .addOption(option.NO_CANARY)
    .addOption(option.CANARY_WAIT)
    .addOption(option.PROTECTED)
    .addOption(option.STANDBY)
    .option('--auto-rollback', 'have a roll that fails rolled back; needs --template-version')
    .addOption(option.control('status', 'watch the roll that is under way, or show how the last one ended'))
    .addOption(option.control('pause', 'replace no more until --resume'))
    .addOption(option.control('resume', 'go on after --pause'))
    .addOption(option.control('cancel', 'replace no more; what is replaced stays so'))
    .addOption(option.control('rollback', 'replace the new instances by ones of the version before'))
    .option('--no-wait', 'do not watch')
    .addOption(INTERVAL)
    .addOption(YES)
    .addOption(DRY_RUN)
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook roll builders', 'one instance first, the rest ten minutes later'],
        ['nomad-drain-hook roll builders --dry-run', 'shows what would happen'],
        ['nomad-drain-hook roll builders --status', 'watches it again after Ctrl-C'],
      ),
    )
    .action(run((context, group, options) => rollOrControl(context, group, options as Options)));

async function rollOrControl(context: Context, name: string, options: Options): Promise<ExitCode> {
  const status = await context.ask<Report>({ command: 'status' });
  checkServed(name, status);
  const group = await context.screen.during('asking Auto Scaling', context.account.autoScaling.group(name));
  if (!group) throw new Problem(`Auto Scaling has no group ${name}`, 'Check --region and --profile.');
  const control = option.CONTROLS.find((each) => options[each]);
  return control ? controlRoll(context, group, control, options) : roll(context, group, status, options);
}

async function roll(context: Context, group: Group, status: Report, options: Options): Promise<ExitCode> {
  const { name, instances } = group;
  const { autoScaling, refreshes } = context.account;
  const [hooks, active] = await Promise.all([autoScaling.hookTransitions(name), refreshes.active(name)]);
  checkRollable(group, hooks, active);
  preflight({ ...status, instances: [] });
  checkVersion(group, options);
  const given = await context.ask<PlanAnswer>({ command: 'plan', group: name });
  const plan = rollPlan(group, given.instances, options);
  const warnings = rollWarnings(group, hooks);
  const { replaced, skipped, version, preferences } = plan;
  const answer = { group: name, version, preferences, instances: plan.instances, skipped, warnings };
  if (replaced.length === 0) {
    context.show({ ...answer, changed: false }, () => nothingText(name, skipped));
    return EXIT.ok;
  }
  context.explain({ plan, warnings }, rollText);
  if (given.instancesLeftOut > 0)
    context.screen.tell(`${count(given.instancesLeftOut, 'instance')} more did not fit the answer.`);
  const { templateVersion } = options;
  const template =
    templateVersion === undefined || !group.template ? undefined : { id: group.template.id, version: templateVersion };
  const changed = await confirmAndApply(
    context,
    {
      answer,
      agree: (yes) => consent(context, `Replace ${count(replaced.length, 'instance')} of ${name}?`, yes),
      make: () => refreshes.start(name, { preferences, template }),
      ...(!options.wait && { done: `It rolls. Watch it with: nomad-drain-hook roll ${name} --status` }),
    },
    options,
  );
  if (!changed || !options.wait) return EXIT.ok;
  const old = replaced.map(({ instanceId }) => instanceId);
  const others = instances.map(({ instanceId }) => instanceId).filter((id) => !old.includes(id));
  return watchRoll(context, name, { old, others }, { ...options, answer: { ...answer, changed: true } });
}

function nothingText(name: string, skipped: readonly { because: string }[]): string {
  const reasons = [...grouped(skipped, ({ because }) => because)].map(
    ([because, its]) => `${count(its.length, 'instance')} skipped: ${because}.`,
  );
  return [`Nothing to replace in ${name}.`, ...reasons].join(' ');
}
