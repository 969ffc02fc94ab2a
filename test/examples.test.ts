import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configOf, firstGroupOf, only, resources, statementsOf } from './lib/stacks.ts';

const EXAMPLES = fileURLToPath(new URL('../examples', import.meta.url));
const HOOK = 'AWS::AutoScaling::LifecycleHook';
const GROUP = 'AWS::AutoScaling::AutoScalingGroup';

const NAMES = globSync(join(EXAMPLES, '*.ts')).map((file) => basename(file, '.ts'));

const out = mkdtempSync(join(tmpdir(), 'drain-hook-examples-'));
afterAll(() => rmSync(out, { recursive: true }));

/** Runs all of them as the CDK's command line runs an app, in one process: most of the time goes into loading the CDK. */
async function synthesizeAll(): Promise<string> {
  const run = `for (const name of ${JSON.stringify(NAMES)}) {
    process.env.CDK_OUTDIR = ${JSON.stringify(`${out}/`)} + name;
    await import(${JSON.stringify(`${pathToFileURL(EXAMPLES)}/`)} + name + '.ts');
  }`;
  const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', run]);
  return stderr;
}

/** The example's only template. */
function templateOf(name: string): Template {
  const [template, ...others] = globSync(join(out, name, '*.template.json'));
  expect(others).toEqual([]);
  return Template.fromString(readFileSync(template!, 'utf8'));
}

const hooked = (template: Template) =>
  Object.values(resources(template, HOOK)).map(({ Properties }) => Properties.AutoScalingGroupName);
const groups = (template: Template) => Object.keys(resources(template, GROUP)).map((id) => ({ Ref: id }));

/** What each example is there to show. */
const SHOWN: Record<string, (template: Template) => void> = {
  'same-app': (template) => {
    expect(hooked(template)).toEqual(groups(template));
    // The servers let the function in, which runs in their VPC.
    expect(only(template, 'AWS::Lambda::Function').Properties.VpcConfig.SubnetIds).toHaveLength(2);
    template.hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
      FromPort: 4646,
      GroupId: { 'Fn::GetAtt': [Match.stringLikeRegexp('^NomadServers'), 'GroupId'] },
    });
  },
  'existing-groups': (template) => {
    expect(hooked(template)).toEqual(['builders-amd64', 'builders-arm64', 'services']);
    const deadlines = configOf(template).groups.map(({ policy }) => policy.deadlineSeconds / 60);
    expect(deadlines).toEqual([240, 240, 30]);
    expect(firstGroupOf(template).policy.ignoreSystemJobs).toBe(true);
    template.resourceCountIs(GROUP, 0);
  },
  'warm-pool': (template) => {
    expect(hooked(template)).toEqual(groups(template));
    template.hasResourceProperties('AWS::AutoScaling::WarmPool', {
      AutoScalingGroupName: hooked(template)[0],
      InstanceReusePolicy: { ReuseOnScaleIn: true },
    });
  },
  spot: (template) => {
    template.hasResourceProperties(GROUP, { CapacityRebalance: true });
    expect(hooked(template)).toEqual(groups(template));
    // Builds have hours on scale-in. Two minutes before the end of a Spot instance, the warning shortens that.
    expect(firstGroupOf(template).policy.deadlineSeconds).toBeGreaterThan(3600);
    expect(firstGroupOf(template).notices).toMatchObject({ spot: true, rebalance: 'cordon' });
    for (const type of ['EC2 Spot Instance Interruption Warning', 'EC2 Instance Rebalance Recommendation']) {
      const pattern = { 'detail-type': Match.arrayWith([type]) };
      template.hasResourceProperties('AWS::Events::Rule', { EventPattern: pattern });
    }
  },
  'circleci-server': (template) => {
    expect(hooked(template)).toEqual(['circleci-circleci-nomad-clients-asg']);
    expect(configOf(template)).toMatchObject({ nomad: { via: 'clients', scheme: 'http', port: 4646 } });
    // 5 h, the longest build by default, and two hours of a rerun with SSH.
    expect(firstGroupOf(template).policy.deadlineSeconds).toBe(7 * 3600);
    expect(only(template, 'AWS::Lambda::Function').Properties.VpcConfig.SubnetIds).toHaveLength(2);
  },
  'run-command': (template) => {
    expect(configOf(template).nomad.via).toBe('ssm');
    expect(Object.keys(statementsOf(template))).toContain('AskOnlyThere');
    expect(only(template, 'AWS::Lambda::Function').Properties.VpcConfig).toBeUndefined();
  },
};

describe('the examples', () => {
  let warnings: string;
  beforeAll(async () => {
    warnings = await synthesizeAll();
  });

  test('are all shown here, and each says when to choose it', () => {
    expect(NAMES.toSorted()).toEqual(Object.keys(SHOWN).toSorted());
    for (const name of NAMES) {
      expect(readFileSync(join(EXAMPLES, `${name}.ts`), 'utf8')).toMatch(/^\/\*\*\n(?: \*.*\n)*? \* Choose it /);
    }
  });

  test('synthesize without a warning', () => {
    expect(warnings).toBe('');
    // What the CDK's command line prints, once it reads the metadata of the stacks; without any there is no such file.
    const said = globSync(join(out, '*/*.{metadata,template}.json')).map((file) => readFileSync(file, 'utf8'));
    expect(said.length).toBeGreaterThanOrEqual(NAMES.length);
    expect(said.join()).not.toContain('aws:cdk:warning');
  });

  test.each(Object.entries(SHOWN))('show what they promise: %s', (name, shows) => {
    shows(templateOf(name));
  });
});
