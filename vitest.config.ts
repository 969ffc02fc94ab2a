import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

/** Milliseconds each, most of them: what `npm run test:fast` runs. */
const UNIT = ['test/lambda/**/*.test.ts', 'test/lib/{construct-page,operations,problem-ids,refusals}.test.ts'];

export default defineConfig({
  test: {
    // The files that a worker runs share its modules: loading the CDK and the AWS SDK for each takes as long as the tests.
    // So a file puts back what it changes of the process; the setup forgets the shell anew for each.
    isolate: false,
    // Vitest leaves a core to itself otherwise: one of two.
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
    globalSetup: ['test/temporary-folder.ts'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'unit', include: UNIT } },
      {
        extends: true,
        test: {
          name: 'rest',
          include: ['test/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'test/contract/real/**', 'test/{engines,runtime}/**', ...UNIT],
        },
      },
    ],
  },
});
