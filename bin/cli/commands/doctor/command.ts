import { Command } from '@commander-js/extra-typings';
import type { DoctorAnswer } from '../../../../lambda/core/queries/doctor/doctor.ts';
import type { Context, Run } from '../../context.ts';
import { examples } from '../../examples.ts';
import { EXIT } from '../../exit-code.ts';
import { FunctionFailed } from '../../function-failed.ts';
import { checkFromHere } from './checks.ts';
import type { AnyFinding } from './finding.ts';
import { doctorText } from './text.ts';

const ABOUT = [
  'Checks what a drain depends on: Nomad, its certificate and the token; the hooks, nodes and agents of the groups; the schedule, the alarms and the quotas.',
  'Suggests a fix for each finding. What could not be checked is unknown, not ok. The exit code is 2 if there is a problem.',
].join('\n\n');

/** `doctor`: the problems of the setup, from the function's side and from here. */
export const doctorCommand = (run: Run) =>
  new Command('doctor')
    .summary('check the setup, and suggest fixes')
    .description(ABOUT)
    .option('-q, --quiet', 'hide what is in order')
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook doctor', 'every check; exit code 2 if there is a problem'],
        ['nomad-drain-hook doctor --quiet', 'only warnings, problems, and what could not be checked'],
      ),
    )
    .action(
      run(async (context, { quiet = false }) => {
        const { findings: itsOwn, askedThrough } = await askFunction(context);
        const here = context.screen.during('checking from here', checkFromHere(context.account, askedThrough));
        const findings = together(itsOwn, await here);
        context.show({ findings }, (given, page) =>
          doctorText({ findings: given.findings.filter(({ level }) => !quiet || level !== 'ok') }, page),
        );
        return findings.some(({ level }) => level === 'problem') ? EXIT.personNeeded : EXIT.ok;
      }),
    );

/** What the function could not ask, and is answered from here. */
const ANSWERED_BY: Readonly<Record<string, string>> = { sweep: 'schedule', 'run-command': 'agents' };

function together(itsOwn: readonly AnyFinding[], here: readonly AnyFinding[]): AnyFinding[] {
  const known = new Set(here.flatMap(({ id, level }) => (level === 'unknown' ? [] : id)));
  const isAnswered = ({ id, level }: AnyFinding) => level === 'unknown' && known.has(ANSWERED_BY[id] ?? '');
  return [...itsOwn.filter((finding) => !isAnswered(finding)), ...here];
}

/** That the function fails is a finding as well: it is what the command is for. */
async function askFunction(context: Context): Promise<{ findings: AnyFinding[]; askedThrough?: readonly string[] }> {
  try {
    return await context.ask<DoctorAnswer>({ command: 'doctor' });
  } catch (error) {
    if (!(error instanceof FunctionFailed)) throw error;
    const isOlder = error.type === 'EventError';
    const todo = isOlder ? 'deploy this version: the one that is deployed has no doctor' : "look at the function's log";
    return { findings: [{ id: 'answer', level: 'problem', what: `the function failed: ${error.message}`, do: todo }] };
  }
}
