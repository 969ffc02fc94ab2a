import { defineConfig } from 'vitest/config';

/** `npm run test:runtime`: the bundle under Lambda's own runtime interface client, in real time. Linux only. */
export default defineConfig({
  test: {
    include: ['test/runtime/*.test.ts'],
    globalSetup: ['test/temporary-folder.ts'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 120_000,
  },
});
