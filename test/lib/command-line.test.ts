import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

describe('on the command line', () => {
  const out = mkdtempSync(join(tmpdir(), 'drain-hook-synth-'));
  afterAll(() => rmSync(out, { recursive: true }));

  /** `--build true`: other tests read the bundle while this one runs. */
  const synth = (...args: string[]) => cdk('synth', '--build', 'true', '--output', out, ...args);

  function cdk(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const env = { ...process.env, CDK_DISABLE_CLI_TELEMETRY: 'true', AWS_EC2_METADATA_DISABLED: 'true' };
    const command = ['node_modules/aws-cdk/bin/cdk', ...args];
    return new Promise((resolve) => {
      execFile(process.execPath, command, { cwd: new URL('../..', import.meta.url), env }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
      );
    });
  }

  test('`cdk synth` with what is required prints the template, and no warning', async () => {
    const { code, stdout, stderr } = await synth(
      '-c',
      'groups=builders',
      '-c',
      'nomadAddress=https://nomad.internal:4646',
    );
    expect(stderr).toBe('');
    expect(stdout).toContain('AWS::AutoScaling::LifecycleHook');
    expect(code).toBe(0);
  });

  // The app is run in the same way for `cdk deploy`.
  test('without any setting it is refused: one message says what to give, and no template is made', async () => {
    const { code, stdout, stderr } = await synth();
    expect(stderr.split('\n').slice(0, -2)).toEqual([
      'the configuration is refused:',
      '  - groups: missing: the Auto Scaling groups of Nomad clients, like -c groups=builders,runners',
      "  - nomadAddress: missing: where Nomad's HTTP API answers, like -c nomadAddress=https://nomad.internal:4646",
    ]);
    expect([code, stdout]).toEqual([1, '']);
  });

  test('an account is bootstrapped without any setting, in the form that README shows: nothing but credentials is missing', async () => {
    const { stdout, stderr } = await cdk('bootstrap', '--app', '', 'aws://111122223333/eu-west-1');
    expect(`${stdout}${stderr}`).toContain('no credentials have been configured');
  });

  test('a stack of its own name, inside a VPC, gives no warning either', async () => {
    const args = [
      'groups=builders',
      'nomadAddress=https://nomad.internal:4646',
      'stackName=drain-builders',
      'vpcId=vpc-11111111',
      'subnetIds=subnet-11111111',
      'securityGroupIds=sg-11111111',
    ];
    expect(await synth('--quiet', ...args.flatMap((arg) => ['-c', arg]))).toEqual({ code: 0, stdout: '', stderr: '' });
    const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'));
    expect(manifest.artifacts.NomadDrainHook.properties.stackName).toBe('drain-builders');
  });

  test('a secret in place of a name is neither printed nor written', async () => {
    const secret = '3e2a7f0c-5b1d-4c8e-9f6a-0d1b2c3d4e5f';
    const { code, stdout, stderr } = await synth(
      ...['groups=builders', 'nomadAddress=https://nomad.internal:4646', `nomadTokenParameter=${secret}`].flatMap(
        (arg) => ['-c', arg],
      ),
    );
    expect(code).toBe(1);
    expect(stderr).toContain('  - nomadTokenParameter: is the secret or the certificate itself');
    const written = globSync(join(out, '**/*'), { withFileTypes: true }).filter((file) => file.isFile());
    const texts = written.map((file) => readFileSync(join(file.parentPath, file.name), 'utf8'));
    expect([stdout, stderr, ...texts].join()).not.toContain(secret);
  });

  test('a wrong setting is one message, without a stack trace', async () => {
    const { code, stderr } = await synth('-c', 'group=builders', '-c', 'nomadAddress=https://nomad.internal:4646');
    expect(code).toBe(1);
    expect(stderr).toContain('the configuration is refused:\n  - group: unknown setting. Did you mean groups?\n');
    expect(stderr).toContain('  - groups: missing');
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
