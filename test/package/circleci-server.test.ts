import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { afterAll, describe, expect, test } from 'vitest';
import { CONFIG_VARIABLE, type Config, parseConfig } from '../../lambda/config/config.ts';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import { NomadDrainHook } from '../../lib/nomad-drain-hook.ts';
import { NomadDrainHookStack } from '../../lib/settings/nomad-drain-hook-stack.ts';
import { readSettings } from '../../lib/settings/settings.ts';
import { configOf, drainFunction, makeApp, type Resource } from '../lib/stacks.ts';
import { configIn, ofType } from '../template/cases.ts';
import { make as makeTemplate } from '../template/cloudformation.ts';
import { TEMPLATE } from '../template/template.ts';
import { PACKAGE } from '../terraform/cases.ts';
import { given } from '../terraform/given.ts';
import { make as makeModule } from '../terraform/module.ts';
import { Commands } from './pasted.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/circleci-server.md'), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'drain-hook-circleci-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** What a block of the page deploys. */
interface Deployed {
  readonly config: Config;
  readonly inVpc: boolean;
}

/** The block of this language under a heading, the one that contains a text if there are several; undefined if there is none. */
function block(heading: string, language: string, contains = ''): string | undefined {
  const [section = ''] = page.split(`\n## ${heading}\n`)[1]?.split('\n## ') ?? [];
  const found = [...section.matchAll(/^```(\w+)\n(.*?)^```$/gms)];
  return found.find(([, by, text]) => by === language && text?.includes(contains))?.[2];
}

let calls = 0;
/** The words that a pasted block calls a command with, in place of which nothing is done. */
async function called(pasted: string, name: string): Promise<string[]> {
  calls += 1;
  const commands = new Commands(join(directory, `commands-${calls}`), { aws: '', npx: '' });
  const found = (await commands.run(pasted, directory)).filter((words) => words.includes(name));
  expect(found).toHaveLength(1);
  return found[0]!;
}

const settingsIn = (words: readonly string[]) =>
  Object.fromEntries(words.filter((word) => /^\w+=/.test(word)).map((word) => word.split(/=(.*)/s).slice(0, 2)));

const isInVpc = ({ Properties }: Resource) => Properties.VpcConfig !== undefined;
const deployed = (template: Template): Deployed => ({
  config: configOf(template),
  inVpc: isInVpc(drainFunction(template)),
});

/** What is deployed by the block of each kind. */
const KINDS: Record<string, (heading: string) => Promise<Deployed>> = {
  'the app': async (heading) => {
    const words = await called(block(heading, 'sh', 'npx cdk deploy')!, 'deploy');
    const app = makeApp(settingsIn(words));
    return deployed(Template.fromStack(new NomadDrainHookStack(app, 'Test', readSettings(app.node.getAllContext()))));
  },

  'a CDK app': async (heading) => {
    // A lookup of the VPC needs an account and a region; without the CDK's command line it finds a dummy.
    const stack = new Stack(makeApp(), 'Test', { env: { account: '111122223333', region: 'us-east-1' } });
    const names = { ec2, Duration, NomadAccess, NomadDrainHook };
    new Function(...Object.keys(names), block(heading, 'ts')!).apply(stack, Object.values(names));
    return deployed(Template.fromStack(stack));
  },

  Terraform: async (heading) => {
    const { source, variables } = given(block(heading, 'hcl')!, heading);
    expect(source).toMatch(/\/releases\/download\/v0\.1\.0\/nomad-drain-hook-terraform-0\.1\.0\.zip$/);
    // The outputs of CircleCI's module are named here in place of their values.
    const { problems, resources } = makeModule({ ...variables, group_names: [GROUP], package: PACKAGE });
    expect(problems).toEqual([]);
    const { config } = resources['aws_lambda_function.function']!;
    return {
      config: parseConfig(config.environment[0].variables[CONFIG_VARIABLE]),
      inVpc: config.vpc_config?.length > 0,
    };
  },

  CloudFormation: async (heading) => {
    copyFileSync(join(ROOT, 'deploy/cloudformation/deploy.sh'), join(directory, 'nomad-drain-hook-0.1.0.deploy.sh'));
    writeFileSync(join(directory, 'nomad-drain-hook-0.1.0.zip'), '');
    const words = await called(block(heading, 'sh', 'deploy.sh')!, '--parameter-overrides');
    const { resources } = makeTemplate(TEMPLATE, settingsIn(words));
    return { config: configIn(resources), inVpc: isInVpc(ofType(resources, 'AWS::Lambda::Function')[0]) };
  },
};

const GROUP = 'circleci-circleci-nomad-clients-asg';
const WAYS: Record<string, { nomad: object; inVpc: boolean; without?: string }> = {
  'External servers: by their load balancer': {
    nomad: {
      via: 'http',
      address: expect.stringMatching(/^https:\/\/.*:4646$/),
      serverName: 'server.global.nomad',
      ca: {},
    },
    inVpc: true,
  },
  'Servers in Kubernetes: through the clients': { nomad: { via: 'clients', scheme: 'http', port: 4646 }, inVpc: true },
  'Without a function in the VPC: by SSM': { nomad: { via: 'ssm' }, inVpc: false, without: 'CloudFormation' },
};

describe.each(Object.entries(WAYS))('docs/circleci-server.md, %s', (heading, { nomad, inVpc, without }) => {
  test.each(Object.keys(KINDS).filter((kind) => kind !== without))('%s deploys what the others do', async (kind) => {
    const made = await KINDS[kind]!(heading);
    expect(made.inVpc).toBe(inVpc);
    expect(made.config.groups.map(({ name }) => name)).toEqual([GROUP]);
    expect(made.config.nomad).toMatchObject(nomad);
    // The longest build and a rerun with SSH.
    expect(made.config.groups[0]?.policy.deadlineSeconds).toBe(7 * 3600);
  });
});
