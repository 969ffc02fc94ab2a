import { confirm, isCancel, text } from '@clack/prompts';
import { Option } from '@commander-js/extra-typings';
import type { Context } from './context.ts';
import { Problem } from './problem.ts';

/** The options of every command that changes something. */
export const YES = new Option('-y, --yes', 'do not ask for confirmation');
export const DRY_RUN = new Option('--dry-run', 'show what would be done, and change nothing');

/** The answer to a question was not yes. */
class Cancelled extends Problem {
  constructor() {
    super('cancelled; nothing changed', 'With --dry-run it does not ask.');
  }
}

/** Ctrl-C at a question. */
export class Interrupted extends Cancelled {}

/**
 * Asks the person at the terminal, unless --yes has agreed beforehand.
 * @throws Problem if the answer is anything but yes, or there is no terminal to ask on
 */
export async function consent({ screen }: Context, question: string, yes: boolean): Promise<void> {
  if (yes) return;
  const answer = await confirm({ message: question, initialValue: false, withGuide: false, ...asks(screen) });
  if (isCancel(answer)) throw new Interrupted();
  if (answer !== true) throw new Cancelled();
}

/**
 * Has the person type a word, unless --yes has agreed beforehand.
 * @throws Problem if it is another, or there is no terminal to ask on
 */
export async function typed({ screen }: Context, question: string, word: string, yes: boolean): Promise<void> {
  if (yes) return;
  const answer = await text({ message: question, withGuide: false, ...asks(screen) });
  if (isCancel(answer)) throw new Interrupted();
  if (answer.trim() !== word) throw new Cancelled();
}

/** @throws Problem where there is no terminal */
function asks({ streams: { stdin: input, stderr: output } }: Context['screen']) {
  if (input.isTTY && output.isTTY) return { input, output };
  throw new Problem(
    'there is no terminal to ask on, so nothing was changed',
    'Use --yes to confirm in advance, or --dry-run to see what would be done.',
  );
}
