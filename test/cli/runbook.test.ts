import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { CLI } from '../../scripts/build-cli.ts';

const page = ['operations', 'circleci-server']
  .map((name) => readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8'))
  .join('\n');

/** Every command line on the pages, without comments and what is piped, by its command. */
const typed = Map.groupBy(
  [...page.matchAll(/(?:^|`)nomad-drain-hook ([a-z][^`|#\n]*)/gm)].map(([, line = '']) => line.trim().split(/\s+/)),
  ([command = '']) => command,
);

const help = async (command: string) =>
  (await promisify(execFile)(process.execPath, [CLI, command, '--help'], { env: { PATH: process.env.PATH } })).stdout;

describe('docs/operations.md and docs/circleci-server.md', () => {
  test('have command lines', () => {
    expect([...typed.keys()]).toEqual(
      expect.arrayContaining(['status', 'doctor', 'history', 'describe', 'extend', 'release']),
    );
  });

  test.each([...typed])('type %s with options and arguments that it has', async (command, lines) => {
    const text = await help(command);
    const [, usage = ''] = /^Usage: nomad-drain-hook \S+ \[options\](.*)$/m.exec(text) ?? [];
    const most = usage.match(/[<[]/g)?.length ?? 0;
    for (const [, ...words] of lines) {
      const options = words.filter((word) => word.startsWith('-'));
      for (const option of options) expect(text).toMatch(new RegExp(`^ +(-\\w, )?${option}\\b`, 'm'));
      const takesValue = (option: string) => new RegExp(`${option} <`).test(text);
      const values = options.filter(takesValue).length;
      expect(words.length - options.length - values, words.join(' ')).toBeLessThanOrEqual(most);
    }
  });
});
