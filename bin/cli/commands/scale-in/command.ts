import { Command, InvalidArgumentError } from '@commander-js/extra-typings';
import type { Report } from '../../../../lambda/core/drain/report.ts';
import type { PlanAnswer } from '../../../../lambda/core/queries/plan/plan.ts';
import type { Account } from '../../aws/account.ts';
import { type Group, type GroupInstance, isCounted } from '../../aws/auto-scaling.ts';
import { type ChangeOptions, confirmAndApply } from '../../confirm-and-apply.ts';
import { consent, DRY_RUN, YES } from '../../consent.ts';
import type { Context, Run } from '../../context.ts';
import { examples } from '../../examples.ts';
import { EXIT, type ExitCode } from '../../exit-code.ts';
import { checkServed, preflight } from '../../preflight.ts';
import { Problem } from '../../problem.ts';
import { count } from '../../terminal/words.ts';
import { INTERVAL } from '../../watch.ts';
import { watchRelease } from '../../watch-release.ts';
import { shrinkingText } from './text.ts';

const ABOUT = [
  'Lowers the desired capacity of a group, and watches until the instances that Auto Scaling chooses are released.',
  'It shows what runs where and the effect of terminating each instance, and asks for confirmation. It never raises the capacity. Auto Scaling chooses the instances: to choose yourself, use drain.',
].join('\n\n');

const STATUS = { command: 'status' };

interface ScaleInOptions extends ChangeOptions {
  to: number;
  wait: boolean;
  interval: number;
}

/** `scale-in`: makes a group smaller. */
export const scaleInCommand = (run: Run) =>
  new Command('scale-in')
    .summary('lower the desired capacity of a group, and watch which instances go')
    .description(ABOUT)
    .argument('<group>', 'the name of the Auto Scaling group')
    .requiredOption('--to <number>', 'the new desired capacity', capacity)
    .option('--no-wait', 'do not watch; Ctrl-C also leaves them draining')
    .addOption(INTERVAL)
    .addOption(YES)
    .addOption(DRY_RUN)
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook scale-in builders --to 3', 'shows what runs where, asks for confirmation, and watches'],
        ['nomad-drain-hook scale-in builders --to 0 --dry-run', 'shows the effect of terminating all'],
      ),
    )
    .action(run((context, group, options: ScaleInOptions) => scaleIn(context, group, options)));

function capacity(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number, 0 or more.');
}

async function scaleIn(context: Context, name: string, options: ScaleInOptions): Promise<ExitCode> {
  const { to } = options;
  const status = await context.ask<Report>(STATUS);
  checkServed(name, status);
  preflight({ ...status, instances: [] });
  const { autoScaling } = context.account;
  const group = await context.screen.during('asking Auto Scaling', autoScaling.group(name));
  checkSmaller(group, name, to);
  const going = Math.max(0, countedOf(group).length - to);
  checkChoosable(group, going);
  await checkRefresh(context.account, name);

  const { instances, instancesLeftOut } = await context.ask<PlanAnswer>({ command: 'plan', group: name });
  const inService = instances.filter(({ state }) => state === 'InService');
  context.explain({ group, to, going, counted: countedOf(group).length, instances: inService }, shrinkingText);
  if (instancesLeftOut > 0) context.screen.tell(`${count(instancesLeftOut, 'instance')} more did not fit the answer.`);
  const answer = { group: name, from: group.desiredCapacity, to, instances: inService };
  const watches = options.wait && going > 0;
  const changed = await confirmAndApply(
    context,
    {
      answer,
      agree: (yes) => consent(context, `Lower the desired capacity of ${name} to ${to}?`, yes),
      make: () => autoScaling.setDesiredCapacity(name, to),
      ...(!watches && {
        done:
          going > 0
            ? 'It scales in. Watch it with: nomad-drain-hook status -w'
            : `The desired capacity of ${name} is ${to}. No instance goes.`,
      }),
    },
    options,
  );
  return changed && watches
    ? watchGroup(context, group, { ...options, total: going, answer: { ...answer, changed: true } })
    : EXIT.ok;
}

/** Fewer than the desired capacity where instances cannot be launched; more where Auto Scaling has yet to choose. */
const countedOf = ({ instances }: Group): GroupInstance[] => instances.filter(isCounted);

/** @throws Problem if it would not be smaller, or smaller than it may be */
function checkSmaller(group: Group | undefined, name: string, to: number): asserts group is Group {
  if (!group) throw new Problem(`Auto Scaling has no group ${name}`, 'Check --region and --profile.');
  const { desiredCapacity, minSize } = group;
  if (to >= desiredCapacity) {
    throw new Problem(
      `${name} has a desired capacity of ${desiredCapacity} already: ${to} would be no scale-in`,
      'This command never raises it. To raise it: aws autoscaling set-desired-capacity.',
    );
  }
  if (to < minSize) {
    throw new Problem(`${name} may not be smaller than ${minSize}`, 'Lower the minimum of the group first.');
  }
}

/** @throws Problem if Auto Scaling would not choose as many instances as that: the watch would never end */
function checkChoosable(group: Group, going: number): void {
  const { name, capacityType, suspended, instances } = group;
  const todo = 'To choose an instance yourself: nomad-drain-hook drain <instance>';
  const weighted = instances.some(({ weight }) => weight !== 1);
  if (capacityType !== 'units' || weighted) {
    const counts = capacityType === 'units' ? 'units: its instances have weights' : capacityType;
    throw new Problem(`the desired capacity of ${name} is not a number of instances: it counts ${counts}`, todo);
  }
  if (suspended.includes('Terminate')) {
    const resume = `aws autoscaling resume-processes --auto-scaling-group-name ${name} --scaling-processes Terminate`;
    throw new Problem(`${name} has its process Terminate suspended: Auto Scaling would terminate no instances`, resume);
  }
  const counted = countedOf(group);
  const locked = counted.filter(({ isProtected }) => isProtected).map(({ instanceId }) => instanceId);
  if (locked.length > 0 && counted.length - locked.length < going) {
    throw new Problem(
      `Auto Scaling would not choose ${count(going, 'instance')} of ${name}: protected from scale-in are ${locked.join(', ')}`,
      `Remove the protection (aws autoscaling set-instance-protection --no-protected-from-scale-in …), or scale in less.`,
    );
  }
}

/** @throws Problem while an instance refresh replaces instances: what goes then is not what is asked for */
async function checkRefresh({ refreshes }: Account, name: string): Promise<void> {
  const refresh = await refreshes.active(name);
  if (refresh === undefined) return;
  throw new Problem(
    `an instance refresh of ${name} is under way (${refresh.status}): Auto Scaling replaces instances, and scales in afterwards`,
    `Wait for it, or cancel it: nomad-drain-hook roll ${name} --cancel`,
  );
}

/** Which instances go is seen by their states; those that went before are not counted. */
function watchGroup(
  context: Context,
  before: Group,
  options: { total: number; interval: number; answer: object },
): Promise<ExitCode> {
  const stayed = countedOf(before);
  return watchRelease(context, options, async (signal) => {
    const report = await context.account.function.ask<Report>(STATUS, signal);
    const now = await context.account.autoScaling.group(before.name, signal);
    const left = new Map(now?.instances.map((instance) => [instance.instanceId, instance]));
    return {
      report,
      members: stayed
        .flatMap(({ instanceId }) => left.get(instanceId) ?? [])
        .filter((instance) => !isCounted(instance)),
      left: stayed.map(({ instanceId }) => instanceId).filter((id) => !left.has(id)),
    };
  });
}
