import { defineConfig } from 'vitest/config';

/** Seconds each: what `npm run test:fast` runs. */
const UNIT = ['test/lambda/**/*.test.ts', 'test/lib/{construct-page,operations,problem-ids,refusals}.test.ts'];
/** They synthesize in memory and share nothing but the CDK, which takes longer to load than most of them to run. */
const CONSTRUCT = ['test/{lib,template}/**/*.test.ts'];

export default defineConfig({
  test: {
    setupFiles: ['test/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'unit', include: UNIT } },
      { extends: true, test: { name: 'construct', include: CONSTRUCT, exclude: UNIT, isolate: false } },
      {
        extends: true,
        test: {
          name: 'world',
          include: ['test/**/*.test.ts'],
          exclude: ['test/contract/real/**', ...UNIT, ...CONSTRUCT],
        },
      },
    ],
  },
});
