import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { CLI } from '../../scripts/build-cli.ts';

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
    expect(api.exec(readFileSync(CLI, 'utf8'))?.[0]).toBeUndefined();
  });

  test('says by its first line that Node runs it, and may be run', () => {
    expect(readFileSync(CLI, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(execFileSync(CLI, ['--version'], { encoding: 'utf8' })).toBe(`${manifest.version}\n`);
  });
});
