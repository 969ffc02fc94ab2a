import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from '@commander-js/extra-typings';
import { readDrainTime } from '../../../../lambda/core/model/job-drain.ts';
import type { Answer } from '../../../../lambda/core/queries/query.ts';
import type { Context, Run } from '../../context.ts';
import { examples } from '../../examples.ts';
import { EXIT } from '../../exit-code.ts';
import { Problem } from '../../problem.ts';
import { printable } from '../../terminal/printable.ts';
import { planText } from './text.ts';
import { timelineOf } from './timeline.ts';
import { timelineSvg } from './timeline-svg.ts';

const ABOUT = [
  'Shows the effect of a scale-in now.',
  'For each instance, as if it alone were terminated: whether it goes at once, when its builds are expected to end, whether the deadline would kill one, and whether its services have room elsewhere; from what runs, and from how long earlier runs of the same jobs took. Then how long builds take here, and the effect of other deadlines.',
  'Nothing changes. The exit code is 2 if a build would be killed, or a service has nowhere to go.',
].join('\n\n');

type Plan = Extract<Answer, { run: 'plan' }>;

/** `plan`: what a scale-in would mean. */
export const planCommand = (run: Run) =>
  new Command('plan')
    .summary('show the effect of a scale-in now')
    .description(ABOUT)
    .argument('[group]', 'only the instances of this group')
    .option('--deadline <duration>', 'evaluate this drain deadline, such as 45m or 1h30m', duration)
    .option('--svg <file>', 'also write the timeline as a picture')
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook plan', 'the effect of a scale-in now, for each instance'],
        ['nomad-drain-hook plan builders --deadline 1h', 'the effect with an hour for builds to end'],
        ['nomad-drain-hook plan builders --svg plan.svg', 'with a picture of which instance goes when'],
      ),
    )
    .action(
      run(async (context, group, { deadline, svg }) => {
        const command = { command: 'plan', ...(group && { group }), ...(deadline && { deadlineSeconds: deadline }) };
        const answer = await context.ask<Plan>(command);
        context.pass(answer, planText);
        if (svg !== undefined) await writeSvg(context, svg, answer, group);
        return answer.verdicts.killed + answer.verdicts.nowhere + answer.verdicts.stops > 0
          ? EXIT.personNeeded
          : EXIT.ok;
      }),
    );

/** Seconds. */
function duration(text: string): number {
  const seconds = readDrainTime(text);
  if (seconds === undefined) {
    throw new InvalidArgumentError('It must be a duration up to 48h, such as 45m or 1h30m.');
  }
  return seconds;
}

async function writeSvg(context: Context, file: string, answer: Plan, group: string | undefined): Promise<void> {
  const at = answer.at.slice(0, 16).replace('T', ' ');
  const groups = [...new Set(answer.instances.map((each) => each.group))].join(' and ') || 'no instance';
  const title = `What a scale-in of ${group ?? groups} would mean at ${at} UTC`;
  try {
    await writeFile(file, timelineSvg(timelineOf(printable(answer.instances)), title));
  } catch (error) {
    throw new Problem(`${file} cannot be written: ${(error as Error).message}`, 'Use a file in an existing folder.');
  }
  context.screen.tell(`The timeline is in ${file}.`);
}
