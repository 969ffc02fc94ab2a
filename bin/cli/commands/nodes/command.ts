import { Command, InvalidArgumentError } from '@commander-js/extra-typings';
import type { CapacityAnswer } from '../../../../lambda/core/queries/capacity.ts';
import type { Answer } from '../../../../lambda/core/queries/query.ts';
import type { Run } from '../../context.ts';
import { examples } from '../../examples.ts';
import { EXIT } from '../../exit-code.ts';
import { Problem } from '../../problem.ts';
import { nodesText } from './text.ts';

const ABOUT = [
  'Shows the nodes of each group and node pool, what runs on each and what is left of it; the largest free slot; and how many allocations of a size fit.',
  'It calculates as Nomad does: what a node has, less what is reserved. Disk, ports, devices and constraints are ignored.',
].join('\n\n');

/** `nodes`: which clients there are, and what fits on them. */
export const nodesCommand = (run: Run) =>
  new Command('nodes')
    .argument('[group]', 'only the nodes of this group')
    .summary('show the clients, and what still fits on them')
    .description(ABOUT)
    .option('--cpu <MHz>', 'how many allocations of this size fit', positive)
    .option('--memory <MB>', 'how many allocations of this size fit', positive)
    .option('-a, --all', 'also nodes that are down')
    .addHelpText(
      'after',
      examples(
        ['nomad-drain-hook nodes', 'the nodes of every group, and those in none'],
        ['nomad-drain-hook nodes builders --cpu 2000 --memory 4096', 'how many such builds fit on this group now'],
      ),
    )
    .action(
      run(async (context, group, { cpu, memory, all = false }) => {
        const size = { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memoryMb: memory }) };
        const answer = await context.ask<Answer & CapacityAnswer>({ command: 'capacity', ...size });
        const groups = answer.rows.flatMap((row) => row.group ?? []);
        if (group !== undefined && !groups.includes(group)) {
          const known = [...new Set(groups)].join(', ');
          throw new Problem(`the function serves no group ${group}`, `It serves: ${known || 'none by its name'}.`);
        }
        context.pass(answer, (given, page) => nodesText({ ...given, only: group, all }, page));
        return EXIT.ok;
      }),
    );

function positive(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('It must be a whole number above 0.');
  return number;
}
