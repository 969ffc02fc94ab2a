import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { readSettings } from '../../lib/settings/settings.ts';
import { cdkContext } from '../lib/stacks.ts';
import { blocks, Commands } from './pasted.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'drain-hook-readme-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** In place of all that would reach AWS, Nomad or a registry: what is left is what a shell makes of the block. */
const SECRET = '3e2a7f0c-5b1d-4c8e-9f6a-0d1b2c3d4e5f';
const SAID = { nomad: SECRET, aws: '111122223333', npm: '', npx: '' };

describe('what README has to paste to deploy', () => {
  test('makes a token, stores it, bootstraps and deploys, with settings that are accepted', async () => {
    const commands = new Commands(join(directory, 'commands'), SAID);
    const calls = await commands.run(blocks('README.md', 'Deploy in five minutes'), ROOT);
    const [policy = [], token = [], parameter = [], ci, account, bootstrap, deploy = []] = calls;
    expect(policy.slice(0, 5)).toEqual(['nomad', 'acl', 'policy', 'apply', 'nomad-drain-hook']);
    expect(readFileSync(join(ROOT, policy[5]!), 'utf8')).toContain('read-job');
    expect(token).toEqual(expect.arrayContaining(['-policy', 'nomad-drain-hook', '-t', '{{.SecretID}}']));
    expect(parameter.slice(-2)).toEqual(['--value', SECRET]);
    expect(ci).toEqual(['npm', 'ci']);
    expect(account?.slice(0, 3)).toEqual(['aws', 'sts', 'get-caller-identity']);
    // Without an app: it would be synthesized, and there are no settings for it here.
    expect(bootstrap).toEqual(['npx', 'cdk', 'bootstrap', '--app', '', 'aws://111122223333/eu-west-1']);
    expect(deploy.slice(0, 3)).toEqual(['npx', 'cdk', 'deploy']);
    const given = deploy.slice(3).filter((word) => word !== '-c');
    const context = Object.fromEntries(given.map((setting) => setting.split(/=(.*)/s).slice(0, 2)));
    const { nomad, renamed } = readSettings({ ...cdkContext, ...context });
    // The parameter that was written before.
    expect(nomad.token).toBe(parameter[parameter.indexOf('--name') + 1]);
    expect(renamed).toEqual([]);
    expect(calls).toHaveLength(7);
  });
});

test('the demo prints its report as JSON alone, in the form that README shows', () => {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
  // Without --silent npm prints two lines before it.
  expect(text.match(/npm run [^`\n]*demo -- --json/g)).toEqual(['npm run --silent demo -- --json']);
});
