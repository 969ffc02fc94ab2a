import { Command } from '@commander-js/extra-typings';
import { messageOf } from '../../../../lambda/core/basics.ts';
import { LONGEST_WAIT_SECONDS } from '../../../../lambda/core/decide/deadlines.ts';
import type { Report } from '../../../../lambda/core/drain/report.ts';
import { LOG } from '../../../../lambda/core/model/log-messages.ts';
import type { Context, Run } from '../../context.ts';
import { examples } from '../../examples.ts';
import { EXIT, type ExitCode } from '../../exit-code.ts';
import { instanceMeant } from '../../resolve-instance.ts';
import { dryRunOf } from '../drain/find.ts';
import { type Description, describeText, type Moment } from './text.ts';

const ABOUT = [
  'Shows one instance: the timeline of its wait, what holds it, its node, and the commands that help.',
  "What has happened is read from the function's log: that needs logs:FilterLogEvents on its log group.",
].join('\n\n');

/** What of the log belongs to a timeline. */
const TOLD = [LOG.drainStarted, LOG.drainRenewed, LOG.drainShortened, LOG.drainForced, LOG.released];

/** `describe`: the wait of one instance. */
export const describeCommand = (run: Run) =>
  new Command('describe')
    .summary('show the timeline of an instance, and what holds it')
    .description(ABOUT)
    .argument('<instance>', 'its id, the name or id of its node, or a unique prefix of one of them')
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
  const waiting = instanceMeant(given, report.instances);
  // One that does not wait: as if it had to be terminated.
  const instance = waiting ?? (await dryRunOf(context, given)).instance;
  const { at = new Date().toISOString() } = report;
  const logged = await happened(context, instance.instanceId, Date.parse(at));
  const retained = report.retained?.find(({ instanceId }) => instanceId === instance.instanceId)?.state;
  const description: Description = {
    ...instance,
    at,
    waits: waiting !== undefined,
    ...(retained !== undefined && { retained }),
    ...logged,
  };
  context.show(description, describeText);
  return EXIT.ok;
}

async function happened(
  context: Context,
  instanceId: string,
  now: number,
): Promise<Pick<Description, 'past' | 'pastUnknown'>> {
  const { account, screen } = context;
  const read = async (): Promise<Moment[]> => {
    const since = now - LONGEST_WAIT_SECONDS * 1000;
    const records = await account.log.records({ messages: TOLD, since, until: now + 1 });
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
    return { past: [], pastUnknown: messageOf(error) };
  }
}
