import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { kept } from './kept.ts';
import { play } from './play.ts';
import { story } from './steps.ts';

/** 10,000 by `npm run test:model`; a few in `npm test`. */
const RUNS = Number(process.env.MODEL_RUNS ?? 40);
const SEED = Number(process.env.MODEL_SEED ?? 20_261_124);

// Retries wait for a random time: here it is the same in every run of a story.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0.5));
afterEach(() => void vi.restoreAllMocks());

it(`whatever happens, no build is killed, no instance is forgotten, and no secret is written down (${RUNS} stories, seed ${SEED})`, {
  timeout: 4 * 3600 * 1000,
}, async () => {
  const property = fc.asyncProperty(story, play);
  const details = await fc.check(property, { numRuns: RUNS, seed: SEED });
  const report = `${fc.defaultReportMessage(details) ?? ''}\n${String(details.errorInstance)}`;
  expect(details.failed ? report : 'all stories end well').toBe('all stories end well');
});

describe('stories that once failed', () => {
  it.each(kept)('$because', ({ story }) => play(story));
});
