import fc from 'fast-check';
import { it } from 'vitest';
import { story } from './any-story.ts';
import { expectAllToEndWell, withoutChance } from './many.ts';
import { play } from './play.ts';
import { type Asks, BUILDERS, type Step } from './steps.ts';

/** As many as one of the two halves of the other stories: `npm run test:model`. A few in `npm test`. */
const RUNS = Number(process.env.MODEL_RUNS ?? 30) / 2;
const SEED = Number(process.env.MODEL_SEED ?? 20_261_130);

withoutChance();

const asks = fc.array(fc.constantFrom<Asks[]>('nothing', 'now', 'until-done', '40s', '20m'), {
  minLength: 1,
  maxLength: 5,
});

/** Builds that run when the story begins, and instances that leave with them. */
const beginning = fc
  .array(fc.record({ builder: fc.nat({ max: BUILDERS - 1 }), seconds: fc.integer({ min: 1, max: 900 }) }), {
    maxLength: 6,
  })
  .map((builds): Step[] => [
    ...builds.map((each): Step => ({ what: 'build', ...each, kind: 'plain' })),
    ...builds.slice(0, 3).map(({ builder }): Step => ({ what: 'scale-in', builder, event: 'in time' })),
    { what: 'deliver', backwards: false },
  ]);

it(`two groups have policies of their own, and jobs say how long drains wait for them (${RUNS} stories, seed ${SEED})`, {
  timeout: 8 * 3600 * 1000,
}, async () => {
  const property = fc.asyncProperty(story, asks, beginning, (one, said, first) =>
    play({ ...one, asks: said, steps: [...first, ...one.steps] }),
  );
  await expectAllToEndWell(property, { numRuns: RUNS, seed: SEED });
});
