import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, describe, expect, test } from 'vitest';
import { NomadDrainHookStack } from '../../lib/settings/nomad-drain-hook-stack.ts';
import { readSettings } from '../../lib/settings/settings.ts';
import { cdkContext, problemsOf } from './stacks.ts';

const required = { groups: 'builders', nomadAddress: 'https://nomad.internal:4646' };

function templateWith(context: Record<string, unknown>): Template {
  const app = new App({ context: { ...cdkContext, ...context } });
  return Template.fromStack(new NomadDrainHookStack(app, 'Test', readSettings(app.node.getAllContext())));
}

describe('the example', () => {
  test('stands where no setting is given, and says that it is one', () => {
    expect(readSettings(cdkContext)).toMatchObject({ groups: ['example-builders'], example: true });
    expect(templateWith({}).toJSON().Description).toMatch(/^EXAMPLE /);
  });

  test('gives way to the first setting given, even a misspelt one: then the required ones are', () => {
    expect(problemsOf(() => readSettings({ ...cdkContext, deadline: '2h' }))).toEqual([
      'groups: missing: -c groups=…',
      'nomadAddress: missing: -c nomadAddress=…',
    ]);
    expect(problemsOf(() => readSettings({ ...cdkContext, deadlin: '2h' }))).toHaveLength(3);
    expect(templateWith(required).toJSON().Description).not.toMatch(/EXAMPLE/);
  });
});

describe('on the command line', () => {
  const out = mkdtempSync(join(tmpdir(), 'drain-hook-synth-'));
  afterAll(() => rmSync(out, { recursive: true }));

  /** `--build true`: other tests read the bundle while this one runs. */
  function synth(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const cdk = ['node_modules/aws-cdk/bin/cdk', 'synth', '--build', 'true', '--output', out, ...args];
    return new Promise((resolve) => {
      execFile(process.execPath, cdk, { cwd: new URL('../..', import.meta.url) }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
      );
    });
  }

  test('`cdk synth` alone prints the example, and no warning', async () => {
    const { code, stdout, stderr } = await synth();
    expect(stderr).toBe('');
    expect(stdout).toContain('AWS::AutoScaling::LifecycleHook');
    expect(code).toBe(0);
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
      ...['groups=builders', 'nomadAddress=https://nomad.internal:4646', `nomadToken=${secret}`].flatMap((arg) => [
        '-c',
        arg,
      ]),
    );
    expect(code).toBe(1);
    expect(stderr).toContain('  - nomadToken: is the secret or the certificate itself');
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
