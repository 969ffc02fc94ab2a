import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Json } from '../lib/stacks.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const manifest = JSON.parse(read('package.json'));

describe('package.json', () => {
  test('is the one place that says where the repository is: whoever says it too says the same', () => {
    const [, address] = /^git\+https:\/\/(.*)\.git$/.exec(manifest.repository.url) ?? [];
    expect(manifest.homepage).toBe(`https://${address}#readme`);
    expect(manifest.bugs).toBe(`https://${address}/issues`);
    const places = ['*.{md,json}', '{docs,deploy,examples}/**/*.*', '.github/**/*.yml'];
    const files = globSync(places, { cwd: ROOT, exclude: (path) => path.includes('.terraform') });
    const named = files.flatMap((file) => read(file).match(/github\.com\/[\w-]+\/nomad-drain-hook/g) ?? []);
    expect(named.length).toBeGreaterThan(3);
    expect([...new Set(named)]).toEqual([address]);
  });

  test('has the version that the pages name', () => {
    const pages = globSync(['*.md', '{docs,deploy,examples}/**/*.{md,sh,tf}'], {
      cwd: ROOT,
      exclude: (path) => path.includes('.terraform'),
    });
    const named = pages
      .filter((page) => page !== 'CHANGELOG.md' && page !== 'CONTRIBUTING.md')
      .flatMap((page) => [
        ...read(page).matchAll(/(?:nomad-drain-hook-(?:terraform-)?|\/download\/v|=v|^VERSION=)(\d+\.\d+\.\d+)/gm),
      ])
      .map(([, version]) => version);
    expect(named.length).toBeGreaterThan(9);
    expect([...new Set(named)]).toEqual([manifest.version]);
  });

  test('asks for a Node that no package of ours goes beyond but vitest, so that npm warns twice of an older one', () => {
    const oldest = Number(/^>=(\d+)$/.exec(manifest.engines.node)?.[1]);
    // The lowest major version of a range such as "^22.18.0 || >=24.11.0".
    const lowest = (range: string) => Math.min(...range.split('||').map((part) => Number(/\d+/.exec(part)?.[0] ?? 0)));
    const { packages } = JSON.parse(read('package-lock.json'));
    const asking = Object.entries<{ engines?: { node?: string } }>(packages)
      .filter(([, { engines }]) => lowest(engines?.node ?? '*') > oldest - 1)
      .map(([path]) => path.replace('node_modules/', ''));
    expect(asking).toEqual(['', 'vitest']);
  });

  test('builds when it is packed, and not when it is installed', () => {
    expect(manifest.scripts.prepack).toContain('build');
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
      expect(manifest.scripts[script]).toBeUndefined();
  });
});

describe('the workflows', () => {
  const workflows = globSync('.github/workflows/*.yml', { cwd: ROOT }).map(
    (file) => [file, parse(read(file))] as const,
  );
  const jobs = workflows.flatMap(([file, { jobs }]) =>
    Object.entries<Json>(jobs).map(([id, job]) => [`${file}: ${id}`, job] as const),
  );

  test('pin each action by its commit, and say which version that is', () => {
    const uses = workflows.flatMap(([file]) =>
      [...read(file).matchAll(/^ +-? *uses: +(.*)$/gm)].map(([, what]) => what!),
    );
    expect(uses.length).toBeGreaterThan(10);
    for (const what of uses)
      expect(what).toMatch(/^\.\/\.github\/workflows\/\w+\.yml$|^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    const versions = new Map(uses.map((what) => what.split('@') as [string, string]));
    expect(new Set(uses).size).toBe(versions.size);
  });

  test('may do nothing but read, but where something is published', () => {
    for (const [file, { permissions }] of workflows) expect(permissions, file).toEqual({ contents: 'read' });
    const writing = jobs.filter(([, { permissions }]) => permissions);
    expect(writing.map(([id, { environment }]) => [id, environment])).toEqual([
      ['.github/workflows/release.yml: publish', 'release'],
    ]);
  });

  test('run no script that package.json does not have, and end in a bounded time', () => {
    const scripts = workflows.flatMap(([file]) =>
      [...read(file).matchAll(/npm run ([\w:]+)/g)].map(([, script]) => script!),
    );
    expect(scripts.length).toBeGreaterThan(2);
    for (const script of scripts) expect(manifest.scripts).toHaveProperty([script]);
    for (const [id, job] of jobs) if (!job.uses) expect(job['timeout-minutes'], id).toBeLessThanOrEqual(60);
  });

  test('ask every Nomad that README says is supported at its ends', () => {
    const [
      ,
      {
        jobs: { contract },
      },
    ] = workflows.find(([file]) => file.endsWith('contract.yml'))!;
    const recorded = globSync('test/contract/fixtures/*/', { cwd: ROOT }).map((path) => path.split('/').at(-1));
    expect(contract.strategy.matrix.nomad.toSorted()).toEqual(recorded.filter((name) => /^\d/.test(name!)).toSorted());
  });
});

test('the issue forms ask for what has an id, each once', () => {
  const forms = globSync('.github/ISSUE_TEMPLATE/*.yml', { cwd: ROOT }).filter((file) => !file.endsWith('config.yml'));
  expect(forms.length).toBeGreaterThan(1);
  for (const file of forms) {
    const { name, description, body } = parse(read(file));
    expect([name, description].every(Boolean), file).toBe(true);
    const ids = body.flatMap(({ id }: { id?: string }) => id ?? []);
    expect(new Set(ids).size, file).toBe(ids.length);
  }
});
