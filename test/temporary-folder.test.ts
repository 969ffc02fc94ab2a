import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'drain-hook-left-'));
afterAll(() => rmSync(directory, { recursive: true }));

test('tests leave nothing behind in the temporary folder, the apps that they synthesize included', async () => {
  const ours = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', 'test/lib/console-test-events.test.ts'];
  const env = { ...ours, TMPDIR: directory, TEMP: directory, TMP: directory, NO_COLOR: '1' };
  const { stdout } = await promisify(execFile)(process.execPath, vitest, {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env,
  });
  expect(stdout).toMatch(/Tests +\d+ passed/);
  expect(readdirSync(directory)).toEqual([]);
});
