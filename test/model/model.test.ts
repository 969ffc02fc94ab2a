import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Play } from './play.ts';
import { type Step, story } from './steps.ts';

/** 10,000 by `npm run test:model`; a few in `npm test`. */
const RUNS = Number(process.env.MODEL_RUNS ?? 40);
const SEED = Number(process.env.MODEL_SEED ?? 20_261_124);

const play = async (steps: readonly Step[]): Promise<void> => {
  const stage = await Play.start();
  try {
    for (const step of steps) await stage.step(step);
    await stage.end();
  } finally {
    await stage.close();
  }
};

it(`whatever happens, no build is killed, nobody is forgotten, and no secret is told (${RUNS} stories, seed ${SEED})`, {
  timeout: 4 * 3600 * 1000,
}, async () => {
  const property = fc.asyncProperty(story, play);
  const details = await fc.check(property, { numRuns: RUNS, seed: SEED, endOnFailure: false });
  const report = `${fc.defaultReportMessage(details) ?? ''}\n${String(details.errorInstance)}`;
  expect(details.failed ? report : 'all stories end well').toBe('all stories end well');
});
