import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { story } from './any-story.ts';
import { play } from './play.ts';
import type { Story } from './steps.ts';

/** 10,000 by `npm run test:model`; a few in `npm test`. */
const RUNS = Number(process.env.MODEL_RUNS ?? 40);
const SEED = Number(process.env.MODEL_SEED ?? 20_261_124);

/** Retries wait for a random time: here it is the same in every run of a story. */
export function withoutChance(): void {
  beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0.5));
  afterEach(() => void vi.restoreAllMocks());
}

/** Plays stories until one fails, and then reports that in its shortest form. */
export async function expectAllToEndWell<T>(
  property: fc.IAsyncProperty<T>,
  options: { numRuns: number; seed: number },
): Promise<void> {
  const details = await fc.check(property, options);
  const report = `${fc.defaultReportMessage(details) ?? ''}\n${String(details.errorInstance)}`;
  expect(details.failed ? report : 'all stories end well').toBe('all stories end well');
}

/** Every other story: two files share them, so that two cores do. */
export function playMany(half: 'even' | 'odd'): void {
  withoutChance();
  it(`whatever happens, no build is killed, no instance is forgotten, and no secret is written down (${half} ones of ${RUNS} stories, seed ${SEED})`, {
    timeout: 8 * 3600 * 1000,
  }, async () => {
    let count = 0;
    let failed = false;
    const mine = async (one: Story) => {
      // What a failing story shrinks to is not counted: all of it is played.
      if (!failed && count++ % 2 !== (half === 'even' ? 0 : 1)) return;
      await play(one).catch((error) => {
        if (!failed) process.stdout.write(`story ${count - 1}: ${JSON.stringify(one)}\n${String(error)}\n`);
        failed = true;
        throw error;
      });
    };
    await expectAllToEndWell(fc.asyncProperty(story, mine), { numRuns: RUNS, seed: SEED });
  });
}
