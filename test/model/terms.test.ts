import fc from 'fast-check';
import { expect, it } from 'vitest';
import { story } from './any-story.ts';
import { withoutChance } from './many.ts';
import { play } from './play.ts';
import type { Asks } from './steps.ts';

/** As many as one of the two halves of the other stories: `npm run test:model`. A few in `npm test`. */
const RUNS = Number(process.env.MODEL_RUNS ?? 30) / 2;
const SEED = Number(process.env.MODEL_SEED ?? 20_261_130);

withoutChance();

const asks = fc.array(fc.constantFrom<Asks[]>('nothing', 'now', 'until-done', '40s', '20m'), {
  minLength: 1,
  maxLength: 5,
});

it(`two groups have policies of their own, and jobs say how long drains wait for them (${RUNS} stories, seed ${SEED})`, {
  timeout: 8 * 3600 * 1000,
}, async () => {
  const property = fc.asyncProperty(story, asks, (one, said) => play({ ...one, asks: said }));
  const details = await fc.check(property, { numRuns: RUNS, seed: SEED });
  const report = `${fc.defaultReportMessage(details) ?? ''}\n${String(details.errorInstance)}`;
  expect(details.failed ? report : 'all stories end well').toBe('all stories end well');
});
