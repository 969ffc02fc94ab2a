import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { atStart, bundle } from '../../scripts/build.ts';

const directory = mkdtempSync(join(tmpdir(), 'drain-hook-build-'));
afterAll(() => rmSync(directory, { recursive: true }));
const path = (name: string) => join(directory, name);
const modulesIn = (name: string) => globSync('**/*.mjs', { cwd: path(name) }).sort();

let metafile: Metafile;
beforeAll(async () => {
  metafile = await bundle(undefined, path('function'));
});

test('the bundle brings all it needs but Node itself, CommonJS included', async () => {
  writeFileSync(path('common.cjs'), "module.exports = require('node:os').EOL;");
  writeFileSync(
    path('entry.ts'),
    "import eol from './common.cjs'; import { EOL } from 'os'; export const handler = async () => eol + EOL;",
  );
  await bundle(path('entry.ts'), path('stub'));
  const { handler } = await import(path('stub/index.mjs'));
  expect(await handler()).toBe('\n\n');
});

test('the same sources give the same bytes, so an unchanged function is not deployed again', async () => {
  await bundle(undefined, path('again'));
  expect(modulesIn('again')).toEqual(modulesIn('function'));
  for (const name of modulesIn('again')) {
    expect(readFileSync(path(`again/${name}`)).equals(readFileSync(path(`function/${name}`)))).toBe(true);
  }
});

test('what an earlier build has left is removed', async () => {
  await bundle(undefined, path('anew'));
  writeFileSync(path('anew/chunks/old.mjs'), '');
  await bundle(undefined, path('anew'));
  expect(modulesIn('anew')).toEqual(modulesIn('function'));
});

test('the function needs no module that Lambda does not have', async () => {
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  expect(imports.filter(({ external, path }) => external && !isBuiltin(path))).toEqual([]);
  expect(await import(path('function/index.mjs'))).toHaveProperty('handler');
});

test('it has no package twice, neither in two versions nor as ES and CommonJS modules: one core of the SDK', () => {
  const homes = new Map<string, Set<string>>();
  for (const input of Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs))) {
    const [home = '', name = ''] = input.match(/^.*node_modules\/((?:@[^/]+\/)?[^/]+)(?:\/dist-\w+)?/) ?? [];
    if (name && !input.endsWith('.json')) homes.set(name, (homes.get(name) ?? new Set()).add(home));
  }
  expect(homes.get('@smithy/core')?.size).toBe(1);
  expect([...homes].filter(([, { size }]) => size > 1)).toEqual([]);
});

describe('as soon as it is imported', () => {
  let loaded: string[];
  beforeAll(() => {
    loaded = atStart(metafile).flatMap((output) => Object.keys(metafile.outputs[output]?.inputs ?? {}));
  });
  const kept = (name: string) => loaded.filter((input) => input.includes(name));

  test.each(['lambda/core/drain/drain.ts', '@aws-sdk/client-auto-scaling/', '@aws-sdk/client-ec2/'])(
    '%s is loaded: every run needs it',
    (name) => {
      expect(kept(name)).not.toEqual([]);
    },
  );

  test.each([
    ['@aws-sdk/client-ssm/', 'where the configuration names a parameter, or a document'],
    ['@aws-sdk/client-sts/', 'where it logs in'],
    ['@aws-sdk/client-eventbridge/', 'where it has a bus'],
    ['@aws-sdk/credential-provider-ini/', 'on the computer of somebody'],
    ['@aws-sdk/nested-clients/', 'on the computer of somebody'],
    ['zod/v4/classic/', 'by the construct alone'],
  ])('%s is not: it is needed %s', (name) => {
    expect(kept(name)).toEqual([]);
  });

  test('of EC2 there are the shapes of the operations that are asked, of its 700', () => {
    const text = atStart(metafile)
      .map((output) => readFileSync(path(`function/${output.slice(output.lastIndexOf('function/') + 9)}`), 'utf8'))
      .join('');
    expect(text).toContain('"DescribeInstances"');
    expect(text).not.toContain('"RunInstances"');
  });
});
