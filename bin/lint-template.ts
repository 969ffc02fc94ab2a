import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSettings } from '../lib/settings/settings.ts';
import { plainTemplate } from './template/plain-template.ts';
import { cdkContext, synthesized } from './template/synthesis.ts';

const VERSION = '1.51.0';
const CACHE = fileURLToPath(new URL(`../node_modules/.cache/cfn-lint-${VERSION}`, import.meta.url));

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
 * @param templates by what they are called in the answer
 * @returns nothing where it finds nothing
 * @throws NoLinter
 */
export function findings(templates: Readonly<Record<string, object>>, command: string = cfnLint()): string {
  const directory = mkdtempSync(join(tmpdir(), 'drain-hook-lint-'));
  try {
    // Together, because starting Python takes longer than linting.
    const files = Object.entries(templates).map(([name, template], index) => {
      const file = join(directory, `${index}.json`);
      writeFileSync(file, JSON.stringify(template, null, 2));
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
const ofApp = (settings: object) => synthesized(readSettings({ ...cdkContext, ...settings }));

/** All there is to lint, by what it is called. */
export function templates(): Record<string, object> {
  return {
    'the template of the app': ofApp({}),
    'that of the app inside a VPC': ofApp({ groups: 'builders,runners', ...address, nomadToken: '/token', ...network }),
    'that of the app that logs in to Nomad': ofApp({ groups: 'builders', ...address, nomadLogin: 'aws' }),
    'that of the app that asks through instances': ofApp({ groups: 'builders', nomadVia: 'ssm' }),
    'that for those without the CDK': plainTemplate(),
  };
}

if (import.meta.main) {
  const all = templates();
  const found = findings(all);
  console.log(found || `cfn-lint ${VERSION} finds nothing in:\n  ${Object.keys(all).join('\n  ')}`);
  if (found) process.exitCode = 1;
}
