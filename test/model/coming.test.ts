import fc from 'fast-check';
import { it } from 'vitest';
import { joining, story } from './any-story.ts';
import { expectAllToEndWell, withoutChance } from './many.ts';
import { play } from './play.ts';
import { BUILDERS, type Step } from './steps.ts';

/** Half as many as of the other stories: `npm run test:model`. A few in `npm test`. */
const RUNS = Number(process.env.MODEL_RUNS ?? 16) / 2;
const SEED = Number(process.env.MODEL_SEED ?? 20_261_201);

withoutChance();

const launched = fc.uniqueArray(fc.nat({ max: BUILDERS - 1 }), { minLength: 1 });

/** What the agents of new instances do happens between the steps of any story. */
const mixed = fc.array(fc.tuple(joining, fc.nat({ max: 24 })), { minLength: 4, maxLength: 14 });

const withJoining = (steps: readonly Step[], among: readonly (readonly [Step, number])[]): Step[] => {
  const all = [...steps];
  for (const [step, at] of among) all.splice(at % (all.length + 1), 0, step);
  return all;
};

it(`instances come into service when their nodes are ready, whatever else happens (${RUNS} stories, seed ${SEED})`, {
  timeout: 8 * 3600 * 1000,
}, async () => {
  const property = fc.asyncProperty(story, launched, mixed, (one, coming, among) =>
    play({ ...one, launched: coming, steps: withJoining(one.steps, among) }),
  );
  await expectAllToEndWell(property, { numRuns: RUNS, seed: SEED });
});
