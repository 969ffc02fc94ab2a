import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import type { ReadStream } from 'node:tty';

/** Where a person is asked, and answers. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & Partial<Pick<ReadStream, 'isTTY'>>;
  readonly output: NodeJS.WritableStream;
}

/**
 * Asks a person at the terminal. Anything but yes is no.
 * @param signal aborted when the person ends the demo instead
 * @throws Error where there is no terminal to ask on
 */
export async function agrees(question: string, { input, output }: Terminal, signal: AbortSignal): Promise<boolean> {
  if (!input.isTTY) throw new Error('there is no terminal to ask on: --yes confirms in advance. Nothing was changed');
  // Not as a terminal of its own: Ctrl-C stays the signal that it is everywhere else.
  const lines = createInterface({ input, output, terminal: false });
  try {
    const answer = lines.question(`${question} [y/N] `, { signal });
    // The end of the input is no confirmation either.
    const [said] = await Promise.race([answer.then((line) => [line]), once(lines, 'close').then(() => [''])]);
    return /^\s*y(es)?\s*$/i.test(said ?? '');
  } catch {
    throw signal.reason;
  } finally {
    lines.close();
  }
}
