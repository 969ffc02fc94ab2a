import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Where the house stands. */
const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What each folder of the function may import from beside its own; `.` is for errors and free texts, which any adapter may use. */
const ARROWS: Record<string, string[]> = {
  'core/model': [],
  core: ['core/model'],
  'core/decide': ['core', 'core/model'],
  'core/drain': ['core', 'core/decide', 'core/model'],
  'core/scale-in': ['core', 'core/model'],
  'core/queries': ['core', 'core/model', 'core/queries/doctor', 'core/queries/plan', 'core/scale-in'],
  'core/queries/doctor': ['core', 'core/decide', 'core/queries', 'core/scale-in'],
  'core/queries/plan': ['core', 'core/model', 'core/queries', 'core/scale-in'],
  config: ['.', 'core/model'],
  events: ['.', 'config', 'core', 'core/model', 'core/queries', 'core/scale-in'],
  nomad: ['.', 'core', 'core/model', 'core/scale-in', 'nomad/json', 'nomad/transport'],
  'nomad/json': ['core', 'core/model', 'nomad'],
  'nomad/nodes': ['.', 'core', 'core/model', 'nomad', 'nomad/json', 'nomad/transport'],
  'nomad/queries': [
    ...['.', 'core', 'core/model', 'core/queries', 'core/scale-in'],
    ...['nomad', 'nomad/json', 'nomad/nodes', 'nomad/transport'],
  ],
  'nomad/transport': ['.', 'config', 'core', 'core/model', 'core/queries'],
  aws: ['config', 'core', 'core/model', 'nomad/transport'],
  'aws/terminations': ['aws', 'config', 'core', 'core/decide', 'core/model'],
};
/** What folders may use of the top. */
const LEAVES = ['errors.ts', 'free-text.ts'];

/** Where kinds of runs may be told apart. */
const KINDS = /^(runs\.ts|events\/)/;
const MOST_FILES = 13;
const MOST_LINES = 300;
/** Shorter ones stand on a boundary. */
const FEWEST_LINES = 15;
const SHORT = ['core/queries/query-error.ts', 'version.ts'];

interface Source {
  /** Relative to lambda/. */
  path: string;
  text: string;
  imports: string[];
}

const typescriptIn = (folder: string) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.includes('node_modules'))
    .map((path) => join(folder, path));

const importsOf = (path: string, text: string) =>
  [...text.matchAll(/(?:from|import\(?)\s*'(\.[^']*)'/g)].map(([, to = '']) => normalize(join(dirname(path), to)));

const FUNCTION: Source[] = typescriptIn('lambda').map((path) => {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return {
    path: relative('lambda', path),
    text,
    imports: importsOf(path, text).map((to) => relative('lambda', to)),
  };
});

describe('the house', () => {
  it('has arrows between folders only where the plan has them', () => {
    const wrong = FUNCTION.flatMap(({ path, imports }) => {
      const from = dirname(path);
      const allowed = ARROWS[from];
      if (from === '.') return imports.filter((to) => to.startsWith('..')).map((to) => `${path} -> ${to}`);
      if (!allowed) return [`${path}: no folder of the plan`];
      return imports
        .filter((to) => dirname(to) !== from)
        .filter((to) => !allowed.includes(dirname(to)) || (dirname(to) === '.' && !LEAVES.includes(to)))
        .map((to) => `${path} -> ${to}`);
    });
    expect(wrong).toEqual([]);
  });

  it('keeps the core to itself but for one small pure library', () => {
    const foreign = FUNCTION.filter(({ path }) => path.startsWith('core/')).flatMap(({ path, text }) =>
      [...text.matchAll(/(?:from|import\(?)\s*'([^.'][^']*)'/g)]
        .filter(([, to]) => to !== 'p-map')
        .map(([, to]) => `${path} -> ${to}`),
    );
    expect(foreign).toEqual([]);
  });

  it('imports tests only in tests', () => {
    const wrong = ['lambda', 'lib', 'bin', 'scripts', 'bench', 'emulators', 'examples'].flatMap((folder) =>
      typescriptIn(folder).flatMap((path) =>
        importsOf(path, readFileSync(join(ROOT, path), 'utf8'))
          .filter((to) => to.startsWith('test/'))
          .map((to) => `${path} -> ${to}`),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it('tells the kinds of runs apart in runs.ts and events/ alone', () => {
    const asks = FUNCTION.filter(({ path, text }) => !KINDS.test(path) && /\bwake\.kind\b|\bWake\b/.test(text));
    expect(asks.map(({ path }) => path)).toEqual([]);
  });

  it('exports each name once', () => {
    const exported = FUNCTION.flatMap(({ path, text }) =>
      [...text.matchAll(/^export (?:async |abstract )?(?:const|function|interface|type|class) (\w+)/gm)].map(
        ([, name = '']) => ({ name, path }),
      ),
    );
    const byName = Map.groupBy(exported, ({ name }) => name);
    const twice = [...byName].filter(([, found]) => new Set(found.map(({ path }) => path)).size > 1);
    expect(twice.map(([name]) => name)).toEqual([]);
  });

  it('has rooms in which one finds things, and files that one reads at once', () => {
    const rooms = Map.groupBy(FUNCTION, ({ path }) => dirname(path));
    const full = [...rooms].filter(([, files]) => files.length > MOST_FILES);
    expect(full.map(([folder, files]) => `${folder}: ${files.length}`)).toEqual([]);
    const lines = ({ text }: Source) => text.split('\n').length - 1;
    const odd = FUNCTION.filter((file) => lines(file) > MOST_LINES || lines(file) < FEWEST_LINES);
    expect(odd.map(({ path }) => path).toSorted()).toEqual(SHORT);
  });

  it('says once what a time is: by its type', () => {
    const said = FUNCTION.filter(({ text }) => /milliseconds since the epoch/i.test(text));
    expect(said.map(({ path }) => path)).toEqual(['core/model/clock.ts']);
  });
});
