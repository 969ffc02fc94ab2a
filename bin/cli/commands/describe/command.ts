import { Command } from '@commander-js/extra-typings';
import type { InstanceReport, Report } from '../../../../lambda/core/drain/report.ts';
import { LOG } from '../../../../lambda/core/model/log-messages.ts';
import type { Context, Run } from '../../context.ts';
import { examples } from '../../examples.ts';
import { EXIT, type ExitCode } from '../../exit-code.ts';
import { Problem } from '../../problem.ts';
import { resolveInstance } from '../../resolve-instance.ts';
import { findInstance } from '../drain/find.ts';
import { type Description, describeText, type Moment } from './text.ts';

const ABOUT = [
  'Shows one instance: the timeline of its wait, what holds it, its node, and the commands that help.',
  "What has happened is read from the function's log: that needs logs:FilterLogEvents on its log group.",
].join('\n\n');

/** What of the log belongs to a timeline. */
const TOLD = [LOG.drainStarted, LOG.drainRenewed, LOG.drainShortened, LOG.drainForced, LOG.released];
/** Auto Scaling holds no instance longer, in milliseconds. */
const LONGEST_WAIT_MS = 48 * 3600 * 1000;

/** `describe`: the wait of one instance. */
export const describeCommand = (run: Run) =>
  new Command('describe')
    .summary('show the timeline of an instance, and what holds it')
    .description(ABOUT)
    .argument('<instance>', 'its id, the name or id of its node, or the unique beginning of one of them')
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook describe client-3', 'when its wait began, when it ends at the latest, and what holds it'],
        ['nomad-drain-hook describe i-0a1b --json', 'the same for a script'],
      ),
    )
    .action(run((context, given) => describe(context, given)));

async function describe(context: Context, given: string): Promise<ExitCode> {
  const report = await context.ask<Report>({ command: 'status' });
  const waiting = waitingOf(given, report);
  const instance = waiting ?? (await inService(context, given));
  const { at = new Date().toISOString() } = report;
  const logged = await happened(context, instance.instanceId, Date.parse(at));
  const description: Description = { run: 'describe', at, waits: waiting !== undefined, instance, ...logged };
  context.show(description, describeText);
  return EXIT.ok;
}

function waitingOf(given: string, { instances }: Report): InstanceReport | undefined {
  const none = new Problem('none', '');
  try {
    return resolveInstance(given, instances, none);
  } catch (error) {
    if (error === none) return undefined;
    throw error;
  }
}

/** One that does not wait, as if it had to be terminated. */
async function inService(context: Context, given: string): Promise<InstanceReport> {
  const { instanceId } = await findInstance(context, given);
  const { instances, because } = await context.ask<Report>({ command: 'dryRun', instanceId });
  const [instance] = instances;
  if (!instance) throw new Problem(because ?? `there is no ${instanceId}`, 'List them with: nomad-drain-hook nodes');
  return instance;
}

async function happened(
  context: Context,
  instanceId: string,
  now: number,
): Promise<Pick<Description, 'past' | 'pastUnknown'>> {
  const { account, screen } = context;
  const read = async (): Promise<Moment[]> => {
    const { logGroup } = await account.lambda.function(await account.function.name);
    const span = { since: now - LONGEST_WAIT_MS, until: now + 1 };
    const records = await account.log.records({ logGroup, messages: TOLD, ...span });
    return records
      .filter((record) => record.instanceId === instanceId)
      .map(({ at, message, fields }) => ({
        at: new Date(at).toISOString(),
        what: message,
        because: String(fields.because),
      }));
  };
  try {
    return { past: await screen.during('reading the log', read()) };
  } catch (error) {
    return { past: [], pastUnknown: (error as Error).message };
  }
}
