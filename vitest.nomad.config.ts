import { defineConfig } from 'vitest/config';

/** `NOMAD_BIN=/path/to/nomad npm run test:nomad`: the contract's cases against a real agent, in real time. */
export default defineConfig({
  test: {
    include: ['test/contract/real/**/*.test.ts'],
    globalSetup: ['test/temporary-folder.ts'],
    setupFiles: ['test/setup.ts'],
    // Each file has agents and ports of its own.
    maxWorkers: 2,
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
});
