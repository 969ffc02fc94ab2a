import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildRelease, sha256, version } from '../../scripts/release.ts';
import { configIn } from '../template/cases.ts';
import { make } from '../template/cloudformation.ts';
import { parse } from '../template/template.ts';
import { blocks, Commands } from './pasted.ts';

const directory = mkdtempSync(join(tmpdir(), 'drain-hook-release-'));
afterAll(() => rmSync(directory, { recursive: true }));
const release = join(directory, 'release');
const name = `nomad-drain-hook-${version()}`;
const read = (file: string) => readFileSync(join(release, file));

let files: string[];
beforeAll(() => {
  files = buildRelease(release);
}, 60_000);

describe('a release', () => {
  test('is all that one needs, whichever way it is deployed', () => {
    expect(files).toEqual([
      `${name}.tgz`,
      `${name}.zip`,
      `${name}.zip.sha256`,
      `${name}.template.yaml`,
      `${name}.deploy.sh`,
      `nomad-drain-hook-terraform-${version()}.zip`,
      'SHA256SUMS',
    ]);
    expect(readdirSync(release).toSorted()).toEqual(files.toSorted());
  });

  test('has the same bytes when it is built again, elsewhere', () => {
    const again = join(directory, 'again');
    const { TZ } = process.env;
    process.env.TZ = 'Asia/Tokyo';
    try {
      buildRelease(again);
    } finally {
      if (TZ === undefined) delete process.env.TZ;
      else process.env.TZ = TZ;
    }
    const differing = files.filter((file) => !readFileSync(join(again, file)).equals(read(file)));
    expect(differing).toEqual([]);
  });

  test('has the checksum of each of its files', () => {
    const sums = read('SHA256SUMS').toString().trimEnd().split('\n');
    expect(sums).toEqual(files.slice(0, -1).map((file) => `${sha256(read(file))}  ${file}`));
    expect(read(`${name}.zip.sha256`).toString()).toBe(`${sha256(read(`${name}.zip`))}  ${name}.zip\n`);
  });
});

describe("the function's zip file", () => {
  test('runs as it is: there is no package beside it', async () => {
    const unpacked = join(directory, 'function');
    for (const [file, content] of Object.entries(unzipSync(read(`${name}.zip`)))) {
      mkdirSync(dirname(join(unpacked, file)), { recursive: true });
      writeFileSync(join(unpacked, file), content);
    }
    const script = `
      const { handler } = await import(${JSON.stringify(pathToFileURL(join(unpacked, 'index.mjs')).href)});
      await handler({ command: 'status' }, {}).catch((error) => console.log(error.message));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      env: {},
    });
    expect(stdout).toContain('NOMAD_DRAIN_HOOK is not set');
  });
});

describe('with CloudFormation', () => {
  const hasCurl = !spawnSync('curl', ['--version']).error;
  /** The block of the page, with a folder in place of the address of a release. */
  const pasted = blocks('docs/without-cdk.md').replace(/^RELEASE=.*$/m, `RELEASE=${pathToFileURL(release).href}`);

  test('what docs/without-cdk.md has to paste deploys the function, from the files of a release alone', async ({
    skip,
  }) => {
    if (!hasCurl) return skip('there is no curl here');
    const empty = join(directory, 'empty');
    mkdirSync(empty);
    const calls = await new Commands(join(directory, 'commands'), { aws: '' }).run(pasted, empty);
    const [upload = [], deployment = [], outputs = []] = calls;
    const given = deployment.slice(deployment.indexOf('--parameter-overrides') + 1);
    const values = Object.fromEntries(given.map((each) => each.split(/=(.*)/s).slice(0, 2)));
    expect(upload).toEqual(['aws', 's3', 'cp', `${name}.zip`, `s3://my-code/${values.CodeKey}`]);
    const template = readFileSync(join(empty, deployment[deployment.indexOf('--template-file') + 1]!), 'utf8');
    const config = configIn(make(parse(template), values).resources);
    expect(config.groups.map(({ name: group }) => group)).toEqual(['builders', 'runners']);
    expect(config.nomad).toMatchObject({
      address: 'https://nomad.internal:4646',
      token: { parameter: '/nomad/drain-token' },
    });
    expect(outputs).toContain('describe-stacks');
  });

  test('a zip file that is not the one of the release is not deployed', async ({ skip }) => {
    if (!hasCurl) return skip('there is no curl here');
    const empty = join(directory, 'tampered');
    mkdirSync(empty);
    const tampered = pasted.replace(/^sha256sum/m, `printf x >>${name}.zip\nsha256sum`);
    const commands = new Commands(join(directory, 'untouched'), { aws: '' });
    await expect(commands.run(tampered, empty)).rejects.toThrow(/FAILED|did NOT match/);
    expect(commands.calls()).toEqual([]);
  });

  test('what is missing is said, and nothing is deployed', async () => {
    const commands = new Commands(join(directory, 'missing'), { aws: '' });
    const script = `GROUP_NAMES=builders NOMAD_ADDRESS=https://nomad sh '${join(release, name)}.deploy.sh'`;
    await expect(commands.run(script, directory)).rejects.toThrow(/BUCKET: is missing/);
    const withoutAddress = `BUCKET=code GROUP_NAMES=builders sh '${join(release, name)}.deploy.sh' NomadVia=http`;
    await expect(commands.run(withoutAddress, directory)).rejects.toThrow(/NOMAD_ADDRESS: is missing/);
    expect(commands.calls()).toEqual([]);
  });
});

describe('with Terraform', () => {
  const MODULE = fileURLToPath(new URL('../../deploy/terraform', import.meta.url));

  test('the archive is the module, and brings the function: its version and its checksum', () => {
    const archive = unzipSync(read(`nomad-drain-hook-terraform-${version()}.zip`));
    const told = JSON.parse(Buffer.from(archive['release.json']!).toString());
    expect(told).toEqual({ version: version(), file: `${name}.zip`, sha256: sha256(read(`${name}.zip`)) });
    expect(sha256(archive[told.file]!)).toBe(told.sha256);
    const sources = readdirSync(MODULE).filter((file) => file.endsWith('.tf'));
    expect(sources.length).toBeGreaterThan(3);
    for (const file of sources) {
      expect(Buffer.from(archive[file]!).equals(readFileSync(join(MODULE, file))), file).toBe(true);
    }
  });

  test('the archive has none of its tests, and nothing that Terraform has left behind', () => {
    const names = Object.keys(unzipSync(read(`nomad-drain-hook-terraform-${version()}.zip`)));
    expect(names.filter((file) => /^tests\/|tftest|\.terraform|tfstate/.test(file))).toEqual([]);
  });
});
