import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildTemplate } from '../../scripts/build-template.ts';
import { ONE, PACKAGE } from './cases.ts';
import { make } from './module.ts';

const directory = mkdtempSync(join(tmpdir(), 'drain-hook-package-test-'));
afterAll(() => rmSync(directory, { recursive: true }));
let file: string;
let sha256: string;
beforeAll(() => {
  const { code, checksum } = buildTemplate(directory);
  file = code;
  [sha256 = ''] = readFileSync(checksum, 'utf8').split(' ');
});

const functions = (given: object | null) => {
  const { resources, problems } = make({ ...ONE, choose_idle_first: true, package: given });
  return { problems, configs: Object.values(resources).filter(({ type }) => type === 'aws_lambda_function') };
};

describe('the code of both functions', () => {
  test('is the zip file that is built, with the checksum that lies beside it', () => {
    const { problems, configs } = functions({ file, sha256 });
    const hash = createHash('sha256').update(readFileSync(file)).digest('base64');
    expect(problems).toEqual([]);
    expect(configs.map(({ config }) => [config.filename, config.source_code_hash])).toEqual(
      Array(2).fill([file, hash]),
    );
  });

  test('or an object in S3, in the version that is named', () => {
    const { configs } = functions({ ...PACKAGE, s3_object_version: 'v1' });
    expect(configs.map(({ config }) => [config.s3_bucket, config.s3_key, config.s3_object_version])).toEqual(
      Array(2).fill(['releases', 'nomad-drain-hook.zip', 'v1']),
    );
    expect(configs.map(({ config }) => config.filename)).toEqual([undefined, undefined]);
  });

  test('has to be given where the module is not that of a release', () => {
    expect(functions(null).problems).toEqual([
      expect.stringMatching(/^package: is missing\. Only the module of a release/),
    ]);
  });

  test('is refused where a byte of it has changed', () => {
    appendFileSync(file, 'x');
    expect(functions({ file, sha256 }).problems).toEqual([
      expect.stringContaining('package: the file has another checksum than sha256 says'),
    ]);
  });
});
