import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const FOREIGN = /(^|\/)(node_modules|dist|cdk\.out|\.terraform)(\/|$)/;
const pages = globSync(['*.md', '.github/**/*.md', '{docs,deploy,examples,test,bench}/**/*.md'], {
  cwd: ROOT,
  exclude: (path) => FOREIGN.test(path),
});

/** A page without its blocks of code. */
const prose = (text: string) => text.replaceAll(/^( *)(`{3,}).*?^ *\2 *$/gms, '');

/** What one may link to on a page: its headings as GitHub makes anchors of them, and anchors that are written as such. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of prose(text).matchAll(/^#{1,6} +(.*?) *$/gm)) {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = words.replaceAll(/[^\p{Letter}\p{Number}\p{Mark}_ -]/gu, '').replaceAll(' ', '-');
    let free = anchor;
    for (let times = 1; anchors.has(free); times += 1) free = `${anchor}-${times}`;
    anchors.add(free);
  }
  for (const [, name = ''] of text.matchAll(/<a (?:name|id)="([^"]+)"/g)) anchors.add(name);
  return anchors;
}

/** The targets of all links and pictures of a page, without those in code. */
function linksOf(text: string): string[] {
  const plain = prose(text).replaceAll(/(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)/gs, 'code');
  const inline = [...plain.matchAll(/\]\(\s*<?([^()\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map(([, target]) => target!);
  const defined = [...plain.matchAll(/^ {0,3}\[[^\]]+\]: +(\S+)(?: +"[^"]*")? *$/gm)].map(([, target]) => target!);
  const html = [...plain.matchAll(/<(?:a|img) [^>]*(?:href|src)="([^"]+)"/g)].map(([, target]) => target!);
  return [...inline, ...defined, ...html];
}

/** Why a link leads nowhere; undefined if it does lead somewhere. */
function dead(page: string, target: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined;
  const [path = '', anchor] = decodeURI(target).split('#');
  const file = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), path));
  if (file.startsWith('..') || !existsSync(join(ROOT, file))) return `${target}: no such file`;
  if (anchor === undefined || !file.endsWith('.md') || statSync(join(ROOT, file)).isDirectory()) return undefined;
  return anchorsOf(read(file)).has(anchor) ? undefined : `${target}: no such section`;
}

describe('a link to a file of the repository leads to it, and to the section that it names:', () => {
  test.each(pages)('%s', (page) => {
    expect(linksOf(read(page)).flatMap((target) => dead(page, target) ?? [])).toEqual([]);
  });

  test('they are found: those that lead nowhere, too', () => {
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/leaving.md', 'deploy/terraform/README.md']));
    expect(pages.flatMap((page) => linksOf(read(page))).length).toBeGreaterThan(150);
    const links = linksOf(
      '[a](docs/none.md) `[b](c)` ![d](e.svg "f")\n```\n[g](h)\n```\n[i]: #none\n<img src="j.png">',
    );
    expect(links).toEqual(['docs/none.md', 'e.svg', '#none', 'j.png']);
    expect(links.map((target) => dead('README.md', target) !== undefined)).toEqual([true, true, true, true]);
    expect(anchorsOf("# It's `a` [b](c), d & e\n## Same\n## Same")).toEqual(
      new Set(['its-a-b-d--e', 'same', 'same-1']),
    );
  });
});

test('docs/README.md names every page of docs/, each once', () => {
  const named = linksOf(read('docs/README.md')).map((target) => target.split('#')[0]!);
  const own = globSync(['docs/*.md', 'docs/*.hcl', 'docs/decisions/*.md'], { cwd: ROOT })
    .map((file) => relative('docs', file))
    .filter((file) => basename(file) !== 'README.md');
  const listed = named.filter((target) => own.includes(target));
  expect(listed.toSorted()).toEqual(own.toSorted());
});
