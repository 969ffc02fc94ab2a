import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { BUNDLE, CLI } from '../../scripts/build-cli.ts';

/**
 * What Node 20 does not have, though the compiler and Node 24 know it: esbuild translates new syntax, not new functions.
 * https://node.green
 */
const NEWER = [
  /\b(?:Map|Object)\.groupBy\b/,
  /\bPromise\.(?:withResolvers|try)\b/,
  /\bArray\.fromAsync\b/,
  /\bRegExp\.escape\b/,
  /\bIterator\.from\b/,
  /\.(?:symmetricDifference|isSubsetOf|isSupersetOf|isDisjointFrom)\(/,
  /\.(?:values|keys|entries)\(\)\.(?:map|filter|flatMap|some|every|find|reduce|toArray|take|drop)\(/,
  /\bglobSync\b/,
];

describe('the built command line', () => {
  test.each(NEWER)('uses nothing like %s, which Node 20 lacks', (api) => {
    expect(api.exec(readFileSync(BUNDLE, 'utf8'))?.[0]).toBeUndefined();
  });

  test('says by its first line that Node runs it, and may be run', () => {
    expect(readFileSync(CLI, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(execFileSync(CLI, ['--version'], { encoding: 'utf8' })).toBe(`${manifest.version}\n`);
  });

  test('runs on the Node of the machine', () => {
    const node = process.env.npm_node_execpath ?? process.execPath;
    expect(spawnSync(node, [CLI, 'version'], { encoding: 'utf8' })).toMatchObject({
      stdout: `${manifest.version}\n`,
      stderr: '',
      status: 0,
    });
  });

  test.each(['20.11.1', '18.20.8', '12.22.12'])(
    'on Node %s prints one sentence, and not a line of the bundle',
    (node) => {
      const preload = join(mkdtempSync(join(tmpdir(), 'older-')), 'older.cjs');
      writeFileSync(
        preload,
        `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${node}' } });`,
      );
      const { status, stdout, stderr } = spawnSync(process.execPath, ['--require', preload, CLI, 'status'], {
        encoding: 'utf8',
      });
      expect(stderr).toBe(`error: nomad-drain-hook needs Node.js 22 or later, and this is Node.js ${node}.\n`);
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    },
  );

  test('has a first file without the syntax that such a Node does not parse', () => {
    const text = readFileSync(CLI, 'utf8');
    expect(text.length).toBeLessThan(2_000);
    expect(text).not.toMatch(/\?\?|\?\.|^import|^await/m);
  });
});
