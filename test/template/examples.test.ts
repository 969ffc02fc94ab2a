import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildTemplate } from '../../bin/build-template.ts';
import { configIn } from './cases.ts';
import { make } from './cloudformation.ts';
import { parse } from './template.ts';

const pathOf = (example: string) => fileURLToPath(new URL(`../../examples/${example}`, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'drain-hook-examples-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('examples/cloudformation/deploy.sh', () => {
  const calls = join(directory, 'calls');
  /** In place of the AWS CLI: writes down what it was called with, a call a line. */
  const AWS = `#!/bin/sh\nfor word in "$@"; do printf '%s\\t' "$word"; done >>"${calls}"\nprintf '\\n' >>"${calls}"\n`;
  const dist = join(directory, 'dist');
  beforeAll(() => {
    buildTemplate(dist);
    writeFileSync(join(directory, 'aws'), AWS, { mode: 0o755 });
  });

  async function deploy(environment: Record<string, string>, ...args: string[]): Promise<string[][]> {
    rmSync(calls, { force: true });
    const PATH = [directory, process.env.PATH].join(delimiter);
    await promisify(execFile)(pathOf('cloudformation/deploy.sh'), args, { env: { PATH, DIST: dist, ...environment } });
    return readFileSync(calls, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.trimEnd().split('\t'));
  }

  const settings = { BUCKET: 'code', GROUP_NAMES: 'builders,runners', NOMAD_ADDRESS: 'https://nomad.internal:4646' };

  test('uploads the code and deploys the template with parameters that it takes', async () => {
    const [upload = [], deployment = []] = await deploy(settings, 'NomadTokenParameter=/nomad/drain-token');
    const given = deployment.slice(deployment.indexOf('--parameter-overrides') + 1);
    const values = Object.fromEntries(given.map((each) => each.split(/=(.*)/s).slice(0, 2)));
    expect(upload).toEqual(['s3', 'cp', join(dist, 'nomad-drain-hook.zip'), `s3://code/${values.CodeKey}`]);
    const file = deployment[deployment.indexOf('--template-file') + 1]!;
    const config = configIn(make(parse(readFileSync(file, 'utf8')), values).resources);
    expect(config.groups.map(({ name }) => name)).toEqual(['builders', 'runners']);
    expect(config.nomad).toMatchObject({ address: settings.NOMAD_ADDRESS, token: { parameter: '/nomad/drain-token' } });
  });

  test('says what is missing, and deploys nothing', async () => {
    const { BUCKET: _, ...rest } = settings;
    await expect(deploy(rest)).rejects.toThrow(/BUCKET: is missing/);
    expect(() => readFileSync(calls)).toThrow();
  });
});
