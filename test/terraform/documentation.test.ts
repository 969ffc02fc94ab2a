import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { generated } from '../../scripts/build-terraform.ts';
import { PACKAGE } from './cases.ts';
import { given } from './given.ts';
import { MODULE, make } from './module.ts';

describe('what follows from other files is as these are ("npm run build:terraform" writes it)', () => {
  test.each(Object.entries(generated()))('%s', (file, text) => {
    expect(readFileSync(join(MODULE, file), 'utf8')).toBe(text);
  });
});

const readme = readFileSync(join(MODULE, 'README.md'), 'utf8');

/** What an example is warned of, where nothing can be done about it there. */
const WARNED: Record<string, string[]> = {
  'examples/circleci-server/main.tf': ['nomad_client_scheme: Nomad is reached over plain HTTP'],
};

describe('an example is taken by the module:', () => {
  const files = globSync('examples/*/main.tf', { cwd: MODULE });

  test.each(files)('%s', (file) => {
    const path = join(MODULE, file);
    const { source, variables } = given(readFileSync(path, 'utf8'), file);
    expect(join(dirname(path), source)).toBe(join(MODULE, '.'));
    expect(JSON.stringify(variables.package)).toContain('nomad-drain-hook-0.1.0.zip');
    const { problems, warnings } = make({ ...variables, package: PACKAGE });
    expect(problems).toEqual([]);
    expect(warnings).toEqual((WARNED[file] ?? []).map((says) => expect.stringContaining(says)));
  });

  test.each(['README.md', '../../README.md'])('that of %s', (file) => {
    const [, text = ''] = /```hcl\n(.*?)```/s.exec(readFileSync(join(MODULE, file), 'utf8')) ?? [];
    const { source, variables } = given(text, file);
    expect(source).toMatch(/\/releases\/download\/v0\.1\.0\/nomad-drain-hook-terraform-0\.1\.0\.zip$/);
    // That of a release brings the package.
    expect(variables.package).toBeUndefined();
    expect(make({ ...variables, package: PACKAGE })).toMatchObject({ problems: [], warnings: [] });
  });

  test('which names them all', () => {
    const named = [...readme.matchAll(/\]\(examples\/([\w-]+)\/main\.tf\) \|/g)].map(([, name]) => name);
    expect(named.toSorted()).toEqual(files.map((file) => basename(dirname(file))).toSorted());
  });
});
