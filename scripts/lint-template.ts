import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { synthesized } from './synthesis.ts';

const VERSION = '1.51.0';
const CACHE = fileURLToPath(new URL(`../node_modules/.cache/cfn-lint-${VERSION}`, import.meta.url));
const BY_HAND = new URL('../deploy/cloudformation/template.yaml', import.meta.url);

/** Where cfn-lint cannot be had: no Python, or no package index. */
export class NoLinter extends Error {
  override readonly name = 'NoLinter';
}

/**
 * The command of cfn-lint, installed beside the other packages where it is not yet: it is written in Python.
 * @throws NoLinter saying what is missing
 */
export function cfnLint(directory: string = CACHE, python = 'python3'): string {
  const command = join(directory, 'bin', 'cfn-lint');
  if (existsSync(command)) return command;
  try {
    execFileSync(python, ['-m', 'venv', directory], { stdio: 'pipe' });
    const pip = ['-m', 'pip', 'install', '--quiet', '--retries', '1', `cfn-lint==${VERSION}`];
    execFileSync(join(directory, 'bin', 'python'), pip, { stdio: 'pipe' });
  } catch (error) {
    // Half an environment would pass for a whole one the next time.
    rmSync(directory, { recursive: true, force: true });
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: Buffer };
    const why = code === 'ENOENT' ? `there is no ${python}` : `${stderr}`.trim().split('\n').at(-1);
    throw new NoLinter(`cfn-lint ${VERSION} cannot be installed: ${why}`);
  }
  return command;
}

/**
 * What cfn-lint finds in templates.
 * @param templates their texts, JSON or YAML, by what they are called in the answer
 * @returns nothing where it finds nothing
 * @throws NoLinter
 */
export function findings(templates: Readonly<Record<string, string>>, command: string = cfnLint()): string {
  const directory = mkdtempSync(join(tmpdir(), 'drain-hook-lint-'));
  try {
    // Together, because starting Python takes longer than linting.
    const files = Object.entries(templates).map(([name, text], index) => {
      const file = join(directory, `${index}.template`);
      writeFileSync(file, text);
      return { name, file };
    });
    const { stdout, stderr } = spawnSync(command, ['--', ...files.map(({ file }) => file)]);
    return files.reduce((text, { name, file }) => text.replaceAll(file, name), `${stdout}${stderr}`).trim();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const network = { vpcId: 'vpc-11111111', subnetIds: 'subnet-11111111', securityGroupIds: 'sg-11111111' };
const address = { nomadAddress: 'https://nomad.internal:4646' };
const ofApp = (settings: Record<string, string>) => JSON.stringify(synthesized(settings), null, 2);

/** All there is to lint, by what it is called. */
export function templates(): Record<string, string> {
  return {
    'the template of the app': ofApp({ groups: 'builders', ...address }),
    'that of the app inside a VPC': ofApp({
      groups: 'builders,runners',
      ...address,
      nomadTokenParameter: '/token',
      ...network,
    }),
    'that of the app that logs in to Nomad': ofApp({ groups: 'builders', ...address, nomadLogin: 'aws' }),
    'that of the app that asks through instances': ofApp({ groups: 'builders', nomadVia: 'ssm' }),
    'that for those without the CDK': readFileSync(BY_HAND, 'utf8'),
  };
}

if (import.meta.main) {
  const all = templates();
  const found = findings(all);
  console.log(found || `cfn-lint ${VERSION} finds nothing in:\n  ${Object.keys(all).join('\n  ')}`);
  if (found) process.exitCode = 1;
}
