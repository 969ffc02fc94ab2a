import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { CLI } from '../../scripts/build-cli.ts';

const run = async (...args: string[]) =>
  (await promisify(execFile)(process.execPath, [CLI, ...args], { env: { PATH: process.env.PATH } })).stdout;

/** The commands that the help lists. */
const commands = [...(await run('--help')).matchAll(/^ {2}([a-z][\w-]*)\b.*/gm)]
  .map(([, name = '']) => name)
  .filter((name) => name !== 'help' && name !== 'version');

test('the help lists the commands', () => {
  expect(commands).toContain('status');
});

describe.each(commands)('the help of %s', (command) => {
  test('ends with two examples at least, each with what it does', async () => {
    const [, examples = ''] = (await run(command, '--help')).split('\nExamples:\n');
    const lines = examples.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(4);
    for (const [index, line] of lines.entries()) {
      expect(line).toMatch(index % 2 === 0 ? `  nomad-drain-hook ${command}` : /^ {6}\S/);
    }
  });

  test('fits 80 columns', async () => {
    expect((await run(command, '--help')).split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});

test('the version is that of the package', async () => {
  expect(await run('--version')).toBe(`${manifest.version}\n`);
  expect(await run('version')).toBe(`${manifest.version}\n`);
});

test('a call without a command prints the help; help of a command is that of its option', async () => {
  const help = await run('--help');
  expect(await run()).toBe(help);
  expect(await run('-o', 'json')).toBe(help);
  expect(await run('--region', 'eu-west-1')).toBe(help);
  expect(await run('help', 'drain')).toBe(await run('drain', '--help'));
});
