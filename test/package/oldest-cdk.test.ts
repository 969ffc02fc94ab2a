import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EVERYTHING = fileURLToPath(new URL('everything.ts', import.meta.url));

const { peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
/** The lowest version of each package that an app may have. */
const OLDEST = Object.entries<string>(peerDependencies).map(([name, range]) => [name, range.replace('^', '')] as const);

/** Compilers that apps of that time have, by the names that they get here. */
const COMPILERS = { 'typescript-5.3': 'npm:typescript@5.3', 'typescript-5.6': 'npm:typescript@5.6' };

/** The tsconfig.json of `cdk init app --language typescript` of 2.127.0: the declarations of all packages are checked. */
const CDK_INIT = {
  compilerOptions: {
    target: 'ES2020',
    module: 'commonjs',
    lib: ['es2020', 'dom'],
    declaration: true,
    strict: true,
    noImplicitAny: true,
    strictNullChecks: true,
    noImplicitThis: true,
    alwaysStrict: true,
    noUnusedLocals: false,
    noUnusedParameters: false,
    noImplicitReturns: true,
    noFallthroughCasesInSwitch: false,
    inlineSourceMap: true,
    inlineSources: true,
    experimentalDecorators: true,
    strictPropertyInitialization: false,
    typeRoots: ['./node_modules/@types'],
    noEmit: true,
  },
};

/** Where the registry cannot be reached: npm ends with one of these, after seconds. */
const UNREACHABLE = /\b(ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ENOTCACHED)\b/;

const run = async (file: string, args: string[], cwd: string, env: object = {}) =>
  (await promisify(execFile)(file, args, { cwd, env: { ...process.env, ...env } })).stdout;

/** What the app's stack is made of. */
async function resources(app: string, directory: string): Promise<object> {
  const out = join(directory, 'cdk.out');
  await run(process.execPath, [app], directory, { CDK_OUTDIR: out });
  const { Resources } = JSON.parse(readFileSync(join(out, 'Everything.template.json'), 'utf8'));
  for (const { Properties: properties } of Object.values<Record<string, Record<string, unknown>>>(Resources)) {
    if (properties?.DashboardBody) properties.DashboardBody = dashboard(properties.DashboardBody);
  }
  return Resources;
}

/** CloudWatch reads JSON: the order of its keys is of no account, nor is the default background, which an older CDK leaves out. */
function dashboard(body: unknown): unknown {
  const { 'Fn::Join': join } = body as { 'Fn::Join': [string, (string | object)[]] };
  const text = join[1]
    .map((part) => (typeof part === 'string' ? part : JSON.stringify(part).replaceAll('"', '')))
    .join('');
  return JSON.parse(text, (key, value) => (key === 'background' ? undefined : value));
}

describe('with the oldest CDK that it says it works with, the packed package', () => {
  const directory = mkdtempSync(join(tmpdir(), 'drain-hook-oldest-'));
  const app = join(directory, 'app.ts');
  afterAll(() => rmSync(directory, { recursive: true }));
  let unreachable: string | undefined;

  beforeAll(async () => {
    // Not built anew: other tests read the bundle while this one runs.
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', directory];
    const [packed] = JSON.parse(await run('npm', pack, ROOT));
    writeFileSync(join(directory, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    copyFileSync(EVERYTHING, app);
    // 30 MB the first time; npm keeps them.
    const quick = ['--prefer-offline', '--fetch-retries=0', '--no-audit', '--no-fund', '--no-update-notifier'];
    const others = [...OLDEST, ...Object.entries(COMPILERS)].map(([name, version]) => `${name}@${version}`);
    try {
      await run('npm', ['install', ...quick, join(directory, packed.filename), ...others], directory);
    } catch (error) {
      [unreachable] = UNREACHABLE.exec((error as { stderr: string }).stderr) ?? [];
      if (!unreachable) throw error;
    }
  }, 300_000);

  test.for(Object.keys(COMPILERS))(
    'has its types checked by %s, in an app that `cdk init` made',
    {
      timeout: 120_000,
    },
    async (typescript, { skip }) => {
      if (unreachable) return skip(`npm cannot get that CDK: ${unreachable}`);
      for (const [name, version] of OLDEST) {
        const manifest = readFileSync(join(directory, 'node_modules', name, 'package.json'), 'utf8');
        expect(JSON.parse(manifest).version).toBe(version);
      }
      writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ ...CDK_INIT, files: ['app.ts'] }));
      const tsc = join(directory, 'node_modules', typescript, 'bin/tsc');
      const wrong = await run(process.execPath, [tsc, '--project', directory], directory).catch(
        (error) => error.stdout,
      );
      expect(wrong).toBe('');
    },
  );

  test('makes the very resources that it makes with the newest', { timeout: 120_000 }, async ({ skip }) => {
    if (unreachable) return skip(`npm cannot get that CDK: ${unreachable}`);
    const newest = mkdtempSync(join(tmpdir(), 'drain-hook-newest-'));
    try {
      expect(await resources(app, directory)).toEqual(await resources(EVERYTHING, newest));
    } finally {
      rmSync(newest, { recursive: true });
    }
  });
});

test('the pages say which CDK is the oldest', () => {
  const [, version] = OLDEST.find(([name]) => name === 'aws-cdk-lib')!;
  for (const page of ['README.md', 'SECURITY.md', 'docs/construct.md']) {
    const named = readFileSync(join(ROOT, page), 'utf8').match(/aws-cdk-lib (\| )?\d+\.\d+\.\d+/g) ?? [];
    expect(named.length, page).toBeGreaterThan(0);
    for (const each of named) expect(each, page).toMatch(new RegExp(` ${version.replaceAll('.', '\\.')}$`));
  }
});
