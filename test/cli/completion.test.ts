import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CLI } from '../../scripts/build-cli.ts';

const run = (file: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  return { status, stdout, stderr };
};

/** The script of a shell, in a file. */
function scriptFor(shell: string): string {
  const { status, stdout, stderr } = run(process.execPath, CLI, 'completion', shell);
  expect([status, stderr]).toEqual([0, '']);
  const file = join(mkdtempSync(join(tmpdir(), 'completion-')), shell);
  writeFileSync(file, stdout);
  return file;
}

const has = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

/** What is typed, and what it may go on with. */
const TYPED: [line: string, words: string[]][] = [
  ['st', ['status']],
  ['jobs --status ', ['dead', 'pending', 'running']],
  ['jobs --name', ['--namespace']],
  ['-o ', ['json', 'text']],
  ['completion ', ['bash', 'fish', 'zsh']],
  ['help ex', ['extend']],
  ['--region status sc', ['scale-in']],
  ['jobs --namespace ', []],
];

describe('completion', () => {
  test('of bash completes commands, options and their values', () => {
    const driver = join(mkdtempSync(join(tmpdir(), 'completion-')), 'driver');
    writeFileSync(
      driver,
      `source ${scriptFor('bash')}
      complete -p nomad-drain-hook >&2
      # As bash splits a line: a space at the end begins a word.
      while IFS= read -r line; do
        COMP_WORDS=(nomad-drain-hook $line)
        if [[ $line == *' ' ]]; then COMP_WORDS+=(''); fi
        COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
        _nomad_drain_hook
        echo "\${COMPREPLY[*]}"
      done`,
    );
    const input = `${[...TYPED.map(([line]) => line), 'status --output = j', `plan --svg ${driver}`].join('\n')}\n`;
    const { stdout, stderr } = spawnSync('bash', ['--norc', driver], { input, encoding: 'utf8' });
    expect(stderr).toBe('complete -F _nomad_drain_hook nomad-drain-hook\n');
    const completed = stdout
      .trimEnd()
      .split('\n')
      .map((words) => words.split(' ').filter(Boolean).sort());
    expect(completed).toEqual([...TYPED.map(([, words]) => words), ['json'], [driver]]);
  });

  test.skipIf(!has('fish'))('of fish does so too', () => {
    const file = scriptFor('fish');
    for (const [line, words] of TYPED.filter(([typed]) => !typed.includes('--region'))) {
      const { stdout, stderr } = run('fish', '-c', `source ${file}; complete -C 'nomad-drain-hook ${line}'`);
      const completed = stdout
        .split('\n')
        .map((each) => each.split('\t', 1)[0])
        .filter(Boolean)
        .sort();
      expect([line, stderr, completed]).toEqual([line, '', words]);
    }
  });

  test.skipIf(!has('zsh'))('of zsh does so too', () => {
    const setup = join(mkdtempSync(join(tmpdir(), 'completion-')), 'setup');
    writeFileSync(
      setup,
      `autoload -Uz compinit; compinit -D -u; source ${scriptFor('zsh')}
      nomad-drain-hook() { print -r -- "<$*>" }`,
    );
    const driver = `
      zmodload zsh/zpty
      zpty z zsh -f -i
      zpty -w z 'source ${setup}'
      for line in st 'jobs --status p' '-o j' 'completion f' 'logs --li'; do
        zpty -w -n z "nomad-drain-hook $line"$'\\t'
        zpty -w -n z $'\\n'
        zpty -r z out '*<*>*'
        print -r -- "$out"
      done`;
    const { stdout } = run('zsh', '-fc', driver);
    expect([...stdout.matchAll(/<(.*)>/g)].map(([, line]) => line)).toEqual([
      'status',
      'jobs --status pending',
      '-o json',
      'completion fish',
      'logs --lines',
    ]);
  });

  test('of another shell is refused, with those that there are', () => {
    const { status, stdout, stderr } = run(process.execPath, CLI, 'completion', 'powershell');
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain('Allowed choices are bash, zsh, fish.');
  });
});
