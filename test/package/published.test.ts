import { execFile } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUNDLE } from '../../emulators/world/bundle.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

const manifest = (directory: string) => JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
const { peerDependencies, peerDependenciesMeta } = manifest(ROOT);
const versionOf = (name: string) => manifest(join(ROOT, 'node_modules', name)).version;

const run = async (file: string, args: string[], cwd: string, env: object = {}) =>
  (await promisify(execFile)(file, args, { cwd, env: { ...process.env, ...env } })).stdout;

/** The Node of the machine, which npm was run by: an app has that, and not the one of our own packages. */
const NODE = process.env.npm_node_execpath ?? process.execPath;

/** An app as somebody else would write it: nothing of it knows how the package is built. */
const APP = `
import { App, Duration, Stack } from 'aws-cdk-lib';
import { AutoScalingGroup } from 'aws-cdk-lib/aws-autoscaling';
import { type HttpAccessProps, ConfigError, NomadAccess, NomadDrainHook, type NomadDrainHookProps } from 'nomad-drain-hook';

const stack = new Stack(new App(), 'Drain');
const group = AutoScalingGroup.fromAutoScalingGroupName(stack, 'Group', 'builders');
const http: HttpAccessProps = { address: 'https://nomad.example.com:4646', token: '/nomad/drain-token' };
const props: NomadDrainHookProps = {
  groups: [group, 'runners'],
  nomad: NomadAccess.http(http),
  policy: { deadline: Duration.hours(2) },
};
const hook: NomadDrainHook = new NomadDrainHook(stack, 'DrainHook', props);
hook.lambdaFunction.addEnvironment('MORE', 'x');
new NomadDrainHook(stack, 'Asking', { groups: ['gateways'], nomad: NomadAccess.runCommand() });

try {
  new NomadDrainHook(new Stack(), 'Wrong', { ...props, groups: [] });
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
}
// @ts-expect-error: a misspelt property is found by the types
const misspelt: NomadDrainHookProps = { ...props, polcy: {} };
`;

/** The declarations themselves are checked too, the CDK's and zod's with them: hence `dom` and `disposable`. */
const COMPILER_OPTIONS = {
  target: 'es2022',
  lib: ['es2022', 'dom', 'esnext.disposable'],
  module: 'nodenext',
  types: [],
  strict: true,
  skipLibCheck: false,
};

let directory: string;
/** What the tarball holds. */
let files: string[];

/** One installation for all: an empty project that has the package, and what the package asks its user to have. */
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'drain-hook-package-'));
  // Not built anew: other tests read the bundle while this one runs.
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', directory];
  const [packed] = JSON.parse(await run('npm', pack, ROOT));
  files = packed.files.map((file: { path: string }) => file.path);
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ private: true }));
  const peers = Object.keys(peerDependencies).map((name) => `${name}@${versionOf(name)}`);
  const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--no-update-notifier'];
  await run('npm', ['install', ...quick, join(directory, packed.filename), ...peers], directory);
}, 300_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the tarball', () => {
  const KINDS = {
    'what npm always packs': /^(package\.json|README\.md|LICENSE)$/,
    'the changes': /^CHANGELOG\.md$/,
    'the command line': /^dist\/cli\/(nomad-drain-hook|main)\.mjs$/,
    'the function': /^dist\/lambda\/index\.mjs$/,
    'what it loads': /^dist\/lambda\/chunks\/[\w-]+\.mjs$/,
    'the construct, in one file': /^dist\/lib\/(index\.js|package\.json)$/,
    'its declarations': /^dist\/lib\/types\/(lib|lambda)\/([\w-]+\/)*[\w-]+\.d\.ts$/,
    'the script that instances run': /^lib\/access\/nomad-api\.sh$/,
    'pages for its user': /^docs\/[\w-]+\.(md|hcl)$/,
    'pictures in them': /^docs\/(cli\/[\w-]+|demo|wait|dashboard)\.svg$/,
    'examples to begin from': /^examples\/[\w-]+\.ts$/,
  };

  test.each(Object.entries(KINDS))('holds %s', (_, kind) => {
    expect(files.filter((file) => kind.test(file))).not.toEqual([]);
  });

  test('holds nothing else: no source, no test, no emulator', () => {
    expect(files.filter((file) => !Object.values(KINDS).some((kind) => kind.test(file)))).toEqual([]);
  });

  test('brings no package but zod: the bundle has what the function needs', () => {
    expect(readdirSync(join(directory, 'node_modules')).filter((name) => !/^[.@]/.test(name))).toEqual([
      'aws-cdk-lib',
      'constructs',
      'nomad-drain-hook',
      'zod',
    ]);
  });
});

test('the command line runs where nothing but the package is installed', async () => {
  const command = join(directory, 'node_modules/.bin/nomad-drain-hook');
  expect(await run(command, ['--version'], directory)).toBe(`${manifest(ROOT).version}\n`);
});

test('the CDK is not installed with the command line; the construct says that it needs it', async () => {
  for (const name of Object.keys(peerDependencies)) expect(peerDependenciesMeta[name]).toEqual({ optional: true });
  const bare = mkdtempSync(join(tmpdir(), 'drain-hook-bare-'));
  cpSync(join(directory, 'node_modules/nomad-drain-hook/dist/lib'), bare, { recursive: true });
  const failed = run(NODE, ['--input-type=module', '--eval', "import './index.js'"], bare);
  await expect(failed).rejects.toThrow(
    'The construct of nomad-drain-hook needs aws-cdk-lib. Run: npm install aws-cdk-lib constructs',
  );
});

describe.each([
  ['ES modules', 'module', 'import { App'],
  ['CommonJS modules', 'commonjs', 'require("nomad-drain-hook")'],
])('an app of %s', (_, type, compiled) => {
  test('is type-checked against the package and synthesizes, the handler being in its assets', async () => {
    const app = join(directory, type);
    mkdirSync(app);
    writeFileSync(join(app, 'package.json'), JSON.stringify({ type }));
    writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }));
    writeFileSync(join(app, 'app.ts'), APP);
    const wrong = await run(process.execPath, [TSC, '--project', app], app).catch((error) => error.stdout);
    expect(wrong).toBe('');
    expect(readFileSync(join(app, 'app.js'), 'utf8')).toContain(compiled);

    const out = join(app, 'cdk.out');
    await run(NODE, [join(app, 'app.js')], app, { CDK_OUTDIR: out });
    const built = dirname(BUNDLE);
    const [asset = '', ...others] = globSync(join(out, 'asset.*'));
    expect(others).toEqual([]);
    const deployed = globSync('**/*.mjs', { cwd: asset });
    expect(deployed.sort()).toEqual(globSync('**/*.mjs', { cwd: built }).sort());
    for (const name of deployed) {
      expect(readFileSync(join(asset, name)).equals(readFileSync(join(built, name)))).toBe(true);
    }
    const template = readFileSync(join(out, 'Drain.template.json'), 'utf8');
    expect(template.match(/"AWS::AutoScaling::LifecycleHook"/g)).toHaveLength(3);
    // The script that instances run is read beside the package, too.
    expect(template).toContain('nomad operator api');
  }, 120_000);
});
