import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Property, publicInterfaces } from './public-interfaces.ts';

const page = readFileSync(new URL('../../docs/construct.md', import.meta.url), 'utf8');

/** The rows of the table under a heading of the page. */
function tableUnder(heading: string): string[] {
  const [, section = ''] = page.split(`\n### ${heading}\n`);
  return [...(section.split('\n#')[0]?.matchAll(/^\| `.*$/gm) ?? [])].map(([row]) => row);
}

/** A property as a row of its table. */
function rowOf({ name, about, default: text }: Property): string {
  const value = text === undefined ? 'required' : text.startsWith('- ') ? text.slice(2) : `\`${text}\``;
  return `| \`${name}\` | ${value} | ${about.replaceAll(/\{@link (\w+)\}/g, '`$1`')} |`;
}

describe('docs/construct.md', () => {
  test.each([...publicInterfaces()])(
    'has the properties of %s, word for word as their doc comments',
    (name, properties) => {
      expect(tableUnder(`\`${name}\``)).toEqual(properties.map(rowOf));
    },
  );

  test('names every example', () => {
    const named = [...page.matchAll(/\]\(\.\.\/examples\/([\w-]+\.ts)\)/g)].map(([, file]) => file);
    const files = globSync(new URL('../../examples/*.ts', import.meta.url).pathname).map((file) => basename(file));
    expect(named.toSorted()).toEqual(files.toSorted());
  });
});
