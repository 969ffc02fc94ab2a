import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The blocks for a shell under a heading of a page, as a reader would paste them one after the other. */
export function blocks(page: string, heading?: string): string {
  const text = readFileSync(fileURLToPath(new URL(`../../${page}`, import.meta.url)), 'utf8');
  const [section = ''] = heading === undefined ? [text] : (text.split(`\n## ${heading}\n`)[1]?.split('\n## ') ?? []);
  const found = [...section.matchAll(/^( *)```sh\n(.*?)^ *```$/gms)];
  return found.map(([, indent = '', block = '']) => block.replaceAll(new RegExp(`^${indent}`, 'gm'), '')).join('');
}

/** Commands that stand in for others: each writes down what it was called with, and prints what it is told to. */
export class Commands {
  readonly #directory: string;
  readonly #calls: string;

  /** @param says what each prints, by its name */
  constructor(directory: string, says: Readonly<Record<string, string>>) {
    this.#directory = directory;
    this.#calls = join(directory, 'calls');
    mkdirSync(directory);
    for (const [name, text] of Object.entries(says)) {
      const script = `#!/bin/sh
{ printf '%s\\t' ${name} "$@"; printf '\\n'; } >>'${this.#calls}'
printf '%s' '${text}'
`;
      writeFileSync(join(directory, name), script, { mode: 0o755 });
    }
  }

  /**
   * Runs what was pasted; the first command that fails ends it.
   * @returns the calls, each with its words
   */
  async run(pasted: string, cwd: string): Promise<string[][]> {
    const PATH = [this.#directory, process.env.PATH].join(delimiter);
    await promisify(execFile)('sh', ['-euc', pasted], { cwd, env: { PATH } });
    return this.calls();
  }

  calls(): string[][] {
    if (!existsSync(this.#calls)) return [];
    const lines = readFileSync(this.#calls, 'utf8').trimEnd().split('\n');
    return lines.map((line) => line.replace(/\t$/, '').split('\t'));
  }
}
