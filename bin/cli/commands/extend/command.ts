import { Command } from '@commander-js/extra-typings';
import type { InstanceReport, Report } from '../../../../lambda/core/drain/report.ts';
import { say } from '../../../../lambda/core/explain.ts';
import { type ChangeOptions, confirmAndApply } from '../../confirm-and-apply.ts';
import { consent, DRY_RUN, YES } from '../../consent.ts';
import type { Context, Run } from '../../context.ts';
import { durationIn } from '../../duration.ts';
import { examples } from '../../examples.ts';
import { EXIT, type ExitCode } from '../../exit-code.ts';
import { nomadOf, readNode } from '../../nomad.ts';
import { Problem } from '../../problem.ts';
import { nodeUnknown, noWaiting, resolveInstance } from '../../resolve-instance.ts';
import { allocationsText } from '../../terminal/allocations.ts';
import { wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';

const ABOUT = [
  'Gives the builds of a waiting instance more time: sets a later deadline for the drain of its node. The hook holds the instance until then, as far as Auto Scaling allows.',
  'It changes the drain in Nomad with your own token, by NOMAD_ADDR and NOMAD_TOKEN, as nomad node drain would.',
].join('\n\n');

const duration = durationIn(/^(\d{1,4})([mh])$/, 'It must be a number of minutes or hours, such as 90m or 4h.');

/** `extend`: a later deadline for the drain of a waiting instance. */
export const extendCommand = (run: Run) =>
  new Command('extend')
    .summary('give the builds of a waiting instance more time')
    .description(ABOUT)
    .argument('<instance>', 'its id, the name or id of its node, or a unique prefix of one of them')
    .argument('<time>', 'from now until the deadline, such as 90m or 4h', duration)
    .addOption(YES)
    .addOption(DRY_RUN)
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook extend client-3 4h', 'its builds may run for four more hours'],
        ['nomad-drain-hook extend client-3 90m --dry-run', 'shows what it would change'],
      ),
    )
    .action(run((context, given, seconds, options: ChangeOptions) => extend(context, given, seconds, options)));

async function extend(context: Context, given: string, seconds: number, options: ChangeOptions): Promise<ExitCode> {
  const report = await context.ask<Report>({ command: 'status' });
  const held = report.instances.filter(({ notice }) => notice === undefined);
  const instance = resolveInstance(given, held, noWaiting(given, held));
  const { instanceId, group, nodeId, nodeName, capAt } = instance;
  if (nodeId === null && instance.unserved) throw nodeUnknown(instance);
  if (nodeId === null) throw new Problem(`${instanceId} has no node in Nomad`, 'There is no drain to extend.');
  const now = Date.parse(report.at ?? new Date().toISOString());
  const until = now + seconds * 1000;
  checkCap(instance, until, now);
  const nomad = nomadOf(process.env);
  const { DrainStrategy, LastDrain } = await readNode(nomad, nodeId);
  if (!DrainStrategy) {
    throw new Problem(
      `no drain is active for ${nodeName ?? nodeId}: it has ended, and its deadline with it`,
      `What is still stopping there has the policy's time. See it with: nomad-drain-hook describe ${instanceId}`,
    );
  }
  if (DrainStrategy.Deadline === 0) {
    throw new Problem(
      `the drain of ${nodeName ?? nodeId} has no deadline: its builds have all the time that Auto Scaling gives`,
      `See until when: nomad-drain-hook describe ${instanceId}`,
    );
  }
  if ((DrainStrategy.Deadline ?? 0) < 0) {
    throw new Problem(
      `the drain of ${nodeName ?? nodeId} is forced: Nomad stops what runs there now`,
      'There is no more time to give.',
    );
  }
  const force = DrainStrategy.ForceDeadline === null ? undefined : Date.parse(DrainStrategy.ForceDeadline);
  if (force !== undefined && force >= until) {
    throw new Problem(
      `the deadline is later already: ${new Date(force).toISOString()}`,
      'To set a nearer one: nomad node drain -enable -deadline …',
    );
  }
  const deadlineAt = new Date(until).toISOString();
  context.explain({ instance, deadlineAt, seconds }, extendingText);
  const body = {
    DrainSpec: { Deadline: seconds * 1e9, IgnoreSystemJobs: DrainStrategy.IgnoreSystemJobs ?? false },
    MarkEligible: false,
    // Nomad keeps what is written here alone: the hook's record goes on with the drain, and has the deadline too.
    Meta: LastDrain?.Meta?.deadline_at ? extended(LastDrain.Meta, deadlineAt) : (LastDrain?.Meta ?? {}),
  };
  await confirmAndApply(
    context,
    {
      answer: { instanceId, group, nodeId, nodeName, deadlineAt, capAt },
      agree: (yes) => consent(context, `Let builds on ${nodeName ?? nodeId} run until ${deadlineAt}?`, yes),
      make: () => nomad({ method: 'POST', path: `/v1/node/${nodeId}/drain`, body }),
      done: `${nodeName ?? nodeId} drains until ${deadlineAt} at the latest.`,
    },
    options,
  );
  return EXIT.ok;
}

/** What the operator gives is not for a job: it stays when that has ended. */
function extended(
  { deadline_for_jobs: _, ...meta }: Record<string, string>,
  deadlineAt: string,
): Record<string, string> {
  return { ...meta, deadline_at: deadlineAt };
}

/** @throws Problem if Auto Scaling would not hold the instance for so long */
function checkCap({ instanceId, capAt, latestDeadlineAt }: InstanceReport, until: number, now: number): void {
  if (capAt === undefined || latestDeadlineAt === undefined)
    throw new Problem(`it is not known since when ${instanceId} waits`, 'Try again in a minute.');
  const latest = Date.parse(latestDeadlineAt);
  if (until <= latest) return;
  const most = Math.max(0, Math.floor((latest - now) / 60_000));
  throw new Problem(
    `Auto Scaling holds ${instanceId} until ${capAt} at the latest`,
    most > 0 ? `The most is ${most}m from now (${say(most * 60)}).` : 'There is no more time to give.',
  );
}

function extendingText(
  { instance, deadlineAt, seconds }: { instance: InstanceReport; deadlineAt: string; seconds: number },
  page: Page,
): string {
  const { instanceId, nodeName, group, remaining, deadlineAt: before } = instance;
  return [
    `${page.ink.heading(instanceId)}  ${nodeName ?? '-'}  waits in ${group}`,
    allocationsText(remaining, page),
    wrap(`The deadline is ${before ?? 'not known'}; it would be ${deadlineAt}, in ${say(seconds)}.`, page.columns),
  ].join('\n\n');
}
