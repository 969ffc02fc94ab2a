import { expect } from 'vitest';
import { processesOf } from '../../../emulators/real-nomad/processes.ts';

/** Looks for processes with this word in their command line, until it is stopped. */
export const watch = (word: string) => {
  let seenAt = Number.NaN;
  const look = setInterval(() => {
    if (processesOf(word).length > 0) seenAt = Date.now();
  }, 100);
  return {
    /** When the last of them was seen, milliseconds since the epoch. */
    ended: async () => {
      await expect.poll(() => processesOf(word).length, { timeout: 60_000 }).toBe(0);
      clearInterval(look);
      return seenAt;
    },
  };
};
