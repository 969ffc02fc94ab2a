import { Command } from '@commander-js/extra-typings';
import { messageOf } from '../../../../lambda/core/basics.ts';
import type { Report } from '../../../../lambda/core/drain/report.ts';
import type { InstancePlan } from '../../../../lambda/core/queries/plan/instance.ts';
import type { PlanAnswer } from '../../../../lambda/core/queries/plan/plan.ts';
import type { AutoScaling, Group } from '../../aws/auto-scaling.ts';
import { type ChangeOptions, confirmAndApply } from '../../confirm-and-apply.ts';
import { consent, DRY_RUN, YES } from '../../consent.ts';
import type { Context, Run } from '../../context.ts';
import { examples } from '../../examples.ts';
import { EXIT, type ExitCode } from '../../exit-code.ts';
import { preflight } from '../../preflight.ts';
import { Problem } from '../../problem.ts';
import { INTERVAL } from '../../watch.ts';
import { watchRelease } from '../../watch-release.ts';
import { cordon } from './cordon.ts';
import { dryRunOf } from './find.ts';
import { leavingText } from './text.ts';

const ABOUT = [
  'Takes an instance out of its group: Auto Scaling terminates it as soon as the hook has drained its node.',
  'It shows what runs there, and asks for confirmation. The desired capacity of the group is lowered by one.',
  'To give a drain a later deadline use nomad-drain-hook extend. To cancel the drain of an instance that stays: nomad node drain -disable <node>. If the instance is terminating, the hook drains it again.',
].join('\n\n');

interface DrainOptions extends ChangeOptions {
  wait?: true;
  interval: number;
  replace?: true;
  cordon?: true;
}

/** `drain`: takes an instance out of its group, which drains its node. */
export const drainCommand = (run: Run) =>
  new Command('drain')
    .summary('take an instance out of its group, as soon as what runs there has ended')
    .description(ABOUT)
    .argument('<instance>', 'its id, the name or id of its node, or a unique prefix of one of them')
    .option('--wait', 'watch until it is released; Ctrl-C ends the watch, not the drain')
    .addOption(INTERVAL)
    .option('--replace', 'keep the desired capacity: another instance takes its place')
    .option('--cordon', 'only make its node ineligible, by NOMAD_ADDR and NOMAD_TOKEN')
    .addOption(YES)
    .addOption(DRY_RUN)
    .addHelpText(
      'after',
      examples(
        [
          'nomad-drain-hook drain client-3 --wait',
          'takes out the instance of this node, and watches until it is released',
        ],
        ['nomad-drain-hook drain i-0a1b --dry-run', 'shows what runs there, and what would be done'],
        ['nomad-drain-hook drain client-3 --cordon', 'places no new work there; what runs there continues'],
      ),
    )
    .action(run((context, given, options: DrainOptions) => drain(context, given, options)));

async function drain(context: Context, given: string, options: DrainOptions): Promise<ExitCode> {
  const { report, instance } = await dryRunOf(context, given);
  const { instanceId } = instance;
  if (options.cordon) return cordon(context, instance, options);
  preflight(report);

  const { autoScaling } = context.account;
  const replace = options.replace ?? false;
  const { group, isGoing } = await placeOf(instanceId, autoScaling);
  const watched = (answer: object) => watchOne(context, instanceId, { ...options, answer });
  if (isGoing) {
    const answer = { instanceId, group: group.name, changed: false };
    if (options.wait) context.screen.tell(`${instanceId} is terminating already: nothing changed.`);
    else context.show(answer, () => `${instanceId} is terminating already: nothing changed.`);
    return options.wait ? watched(answer) : EXIT.ok;
  }
  if (!replace && group.desiredCapacity <= group.minSize) {
    throw new Problem(
      `${group.name} is as small as it may be: its minimum is ${group.minSize}`,
      'Use --replace, so that another instance takes its place, or lower the minimum of the group.',
    );
  }
  const plan = await planOf(context, instanceId, group.name);
  context.explain({ instance, group, replace, plan }, leavingText);
  const { nodeId, nodeName, remaining, would } = instance;
  const answer = { instanceId, group: group.name, nodeId, nodeName, remaining, would, replace };
  const changed = await confirmAndApply(
    context,
    {
      answer,
      agree: (yes) => consent(context, `Take ${instanceId} out of ${group.name}?`, yes),
      make: () => autoScaling.terminate(instanceId, { replace }),
      ...(!options.wait && { done: 'It is terminating. Watch it with: nomad-drain-hook status -w' }),
    },
    options,
  );
  return changed && options.wait ? watched({ ...answer, changed: true }) : EXIT.ok;
}

/** What the drain would mean for what runs there; undefined where that is not known. */
async function planOf(context: Context, instanceId: string, group: string): Promise<InstancePlan | undefined> {
  try {
    const { instances } = await context.ask<PlanAnswer>({ command: 'plan', group });
    return instances.find((each) => each.instanceId === instanceId);
  } catch (error) {
    context.screen.tell(`What the drain means for services is not known: ${messageOf(error)}`);
    return undefined;
  }
}

/** @throws Problem if it is not in service: then no hook would run, or it is no instance of a group */
async function placeOf(instanceId: string, autoScaling: AutoScaling): Promise<{ group: Group; isGoing: boolean }> {
  const [member] = await autoScaling.instances([instanceId]);
  const group = member && (await autoScaling.group(member.group));
  if (!group)
    throw new Problem(`${instanceId} is in no Auto Scaling group`, 'Nothing would drain it: drain its node by hand.');
  const isGoing = member.state.startsWith('Terminating');
  if (isGoing || member.state === 'InService') return { group, isGoing };
  throw new Problem(
    `${instanceId} is not in service: Auto Scaling says ${member.state}`,
    'An instance in standby is drained by hand; one of a warm pool runs nothing.',
  );
}

const watchOne = (context: Context, instanceId: string, options: { interval: number; answer: object }) =>
  watchRelease(context, { ...options, total: 1 }, async (signal) => {
    const report = await context.account.function.ask<Report>({ command: 'status' }, signal);
    const members = await context.account.autoScaling.instances([instanceId], signal);
    return { report, members, left: members.length === 0 ? [instanceId] : [] };
  });
