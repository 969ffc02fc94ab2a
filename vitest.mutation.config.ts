import { defineConfig } from 'vitest/config';

/** What the mutation check runs for each mutant: the tests of what decides. */
export default defineConfig({
  test: { include: ['test/lambda/*.test.ts'], testTimeout: 20_000 },
});
