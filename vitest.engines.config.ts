import { defineConfig } from 'vitest/config';

/**
 * `npm run test:engines`: what we say of AWS and Terraform, held against the engines themselves. A suite whose program is missing
 * is skipped, and says so in its name.
 */
export default defineConfig({
  test: {
    include: ['test/engines/*.test.ts', 'test/runtime/*.test.ts'],
    globalSetup: ['test/temporary-folder.ts'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
