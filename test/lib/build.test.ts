import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { bundle } from '../../bin/build.ts';

const directory = mkdtempSync(join(tmpdir(), 'drain-hook-build-'));
afterAll(() => rmSync(directory, { recursive: true }));
const path = (name: string) => join(directory, name);

test('the bundle brings all it needs but Node itself, CommonJS included', async () => {
  writeFileSync(path('common.cjs'), "module.exports = require('node:os').EOL;");
  writeFileSync(
    path('entry.ts'),
    "import eol from './common.cjs'; export const handler = async (): Promise<string> => eol;",
  );
  await bundle(path('entry.ts'), path('stub.mjs'));
  const { handler } = await import(path('stub.mjs'));
  expect(await handler()).toBe('\n');
});

test('the same sources give the same bytes, so an unchanged function is not deployed again', async () => {
  const size = await bundle(undefined, path('one.mjs'));
  await bundle(undefined, path('two.mjs'));
  expect(readFileSync(path('one.mjs')).equals(readFileSync(path('two.mjs')))).toBe(true);
  expect(size).toBe(readFileSync(path('one.mjs')).length);
});

test('the function needs no module that Lambda does not have', async () => {
  await bundle(undefined, path('function.mjs'));
  const imports = readFileSync(path('function.mjs'), 'utf8').matchAll(
    /(?:^|;)\s*import\s*(?:[\w*{][^;"']*from\s*)?["']([^"']+)["']/g,
  );
  const modules = new Set([...imports].map(([, name]) => name));
  expect(modules.size).toBeGreaterThan(3);
  for (const name of modules) expect(builtinModules).toContain(name?.replace(/^node:/, ''));
  expect(await import(path('function.mjs'))).toHaveProperty('handler');
});
