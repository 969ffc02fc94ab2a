import pMap from 'p-map';
import type { Allocation } from '../../core/model/allocation.ts';
import type { NomadApi } from '../api.ts';

/** Logs read at once. */
const CONCURRENCY = 8;
/** At most this many allocations have their logs read. */
const MOST = 8;

/** The end of what these allocations wrote to stderr, by their ids. Never throws: what cannot be read is left out. */
export async function stderrTails(nomad: NomadApi, allocations: readonly Allocation[]): Promise<Map<string, string>> {
  const tails = new Map<string, string>();
  let unreadable = false;
  await pMap(
    allocations.slice(0, MOST),
    async ({ id, tasks }) => {
      const texts: string[] = [];
      for (const { name } of tasks) {
        if (unreadable) return;
        const text = await nomad.stderr(id, name).catch(() => undefined);
        // The token may not read logs, or the client is gone: then that holds for the others too.
        if (text === undefined) unreadable = true;
        else if (text.trim()) texts.push(tasks.length > 1 ? `[${name}]\n${text.trimEnd()}` : text.trimEnd());
      }
      if (texts.length > 0) tails.set(id, texts.join('\n'));
    },
    { concurrency: CONCURRENCY },
  );
  return tails;
}
