import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { PARAMETERS } from './template.ts';

const pathOf = (example: string) => fileURLToPath(new URL(`../../examples/${example}`, import.meta.url));

describe('examples/terraform/main.tf', () => {
  const source = readFileSync(pathOf('terraform/main.tf'), 'utf8');

  test('gives the template parameters that it takes, and all that it requires', () => {
    const [, block = ''] = /parameters = \{(.*?)\n {2}\}/s.exec(source) ?? [];
    const given = [...block.matchAll(/^ +(\w+) +=/gm)].map(([, name]) => name!);
    const required = Object.keys(PARAMETERS).filter((name) => PARAMETERS[name]!.Default === undefined);
    expect(Object.keys(PARAMETERS)).toEqual(expect.arrayContaining(given));
    expect(given).toEqual(expect.arrayContaining(required));
  });

  test('keeps the old code until the stack has the new one, so that a rollback finds it', () => {
    const [, object = ''] = /^resource "aws_s3_object" "code" \{\n(.*?)^\}/ms.exec(source) ?? [];
    expect(object).toMatch(/lifecycle \{\n +create_before_destroy = true\n/);
  });

  test('is formatted as Terraform does it', ({ skip }) => {
    const { error, status, stdout } = spawnSync('terraform', ['fmt', '-check', '-diff', pathOf('terraform/main.tf')]);
    if (error) return skip('there is no terraform here');
    expect({ status, diff: `${stdout}` }).toEqual({ status: 0, diff: '' });
  });
});
