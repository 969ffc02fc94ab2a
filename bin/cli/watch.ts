import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { messageOf } from '../../lambda/core/basics.ts';
import { printable } from './terminal/printable.ts';
import type { Live } from './terminal/screen.ts';

/** What a look has shown. */
export interface Seen {
  text: string;
  /** There is nothing more to wait for. */
  done: boolean;
}

/** How often a command that watches looks. */
export const INTERVAL = new Option('--interval <seconds>', 'time between two requests').default(5).argParser((text) => {
  const seconds = Number(text);
  if (!(seconds > 0)) throw new InvalidArgumentError('It must be a number of seconds above 0.');
  return seconds;
});

/**
 * Looks again and again, and shows each time what is seen, until that is all or Ctrl-C ends it. A look that fails is shown too, and
 * followed by the next: what is watched goes on without us.
 * @throws whatever the first look throws
 */
export async function watch(
  live: Live,
  intervalSeconds: number,
  look: (signal: AbortSignal) => Promise<Seen>,
): Promise<'done' | 'interrupted'> {
  const interruption = new AbortController();
  const { signal } = interruption;
  const interrupt = () => interruption.abort();
  process.once('SIGINT', interrupt);
  let last: string | undefined;
  try {
    for (;;) {
      try {
        const seen = await look(signal);
        last = seen.text;
        live.show(seen.text);
        if (seen.done) return 'done';
      } catch (error) {
        if (signal.aborted || last === undefined) throw error;
        live.show(`${last}\ncould not refresh: ${printable(messageOf(error))}`);
      }
      await sleep(intervalSeconds * 1000, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    return 'interrupted';
  } finally {
    process.removeListener('SIGINT', interrupt);
    live.end();
  }
}
