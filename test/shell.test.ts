import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A shell of somebody who works with AWS and Nomad all day. Each of these breaks the SDK, or leads it elsewhere. */
const SHELL = {
  AWS_PROFILE: 'nope',
  AWS_CONFIG_FILE: '/nowhere/config',
  AWS_SHARED_CREDENTIALS_FILE: '/nowhere/credentials',
  AWS_SDK_LOAD_CONFIG: '1',
  AWS_REGION: 'mars-north-1',
  AWS_DEFAULT_REGION: 'mars-north-1',
  AWS_ACCESS_KEY_ID: 'AKIAREALREALREALREAL',
  AWS_SECRET_ACCESS_KEY: 'real',
  AWS_SESSION_TOKEN: 'real',
  AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/real',
  AWS_WEB_IDENTITY_TOKEN_FILE: '/nowhere/token',
  AWS_USE_FIPS_ENDPOINT: 'true',
  AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true',
  AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  AWS_ENDPOINT_URL_AUTO_SCALING: 'http://127.0.0.1:9',
  AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:9',
  AWS_CA_BUNDLE: '/nowhere/ca.pem',
  AWS_MAX_ATTEMPTS: '1',
  AWS_RETRY_MODE: 'nonsense',
  NOMAD_ADDR: 'http://127.0.0.1:9',
  NOMAD_TOKEN: 'of somebody else',
};

test('end-to-end tests pass in whatever shell they are run', async () => {
  const ours = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|AWS)/.test(name)));
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', 'test/e2e/update.test.ts'];
  const options = { cwd: ROOT, env: { ...ours, ...SHELL, NO_COLOR: '1' } };
  // Fails where one of them does.
  const { stdout } = await promisify(execFile)(process.execPath, vitest, options);
  expect(stdout).toMatch(/Tests +\d+ passed/);
});

test('so do all others: each configuration that runs end-to-end tests forgets the shell first', () => {
  const configs = globSync('vitest*.config.ts', { cwd: ROOT }).filter((file) => !file.includes('mutation'));
  expect(configs.length).toBeGreaterThan(1);
  for (const file of configs)
    expect(readFileSync(`${ROOT}/${file}`, 'utf8')).toContain("setupFiles: ['test/setup.ts']");
});
