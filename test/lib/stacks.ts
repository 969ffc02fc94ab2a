import { readFileSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { CONFIG_VARIABLE, type Config, type GroupConfig, parseConfig } from '../../lambda/config/config.ts';
import { ConfigError, type ConfigProblem, formatProblem } from '../../lambda/errors.ts';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import { NomadDrainHook } from '../../lib/nomad-drain-hook.ts';
import type { NomadDrainHookProps } from '../../lib/props.ts';

const CDK_JSON = new URL('../../cdk.json', import.meta.url);

/** What cdk.json gives the app: the feature flags decide how templates look. */
export const cdkContext: Record<string, unknown> = JSON.parse(readFileSync(CDK_JSON, 'utf8')).context;

/**
 * An app with the context of cdk.json, and `more`, that copies no assets. CloudFormation's own rules check the templates of
 * checks.test.ts and of `npm run synth` alone: they take as long as all else of a synthesis.
 */
export function makeApp(more: Record<string, unknown> = {}): App {
  return new App({
    context: { ...cdkContext, 'aws:cdk:disable-asset-staging': true, ...more },
    builtinCloudFormationValidation: false,
    treeMetadata: false,
  });
}

export function emptyStack(id = 'Test', app = makeApp()): Stack {
  return new Stack(app, id);
}

/** The cast: the CDK's own classes do not satisfy its interfaces under exactOptionalPropertyTypes. */
export function vpcIn(stack: Stack): ec2.IVpc {
  // Without the custom resource that empties the default security group: it brings a function and a role of its own.
  return new ec2.Vpc(stack, 'Vpc', { restrictDefaultSecurityGroup: false }) as ec2.IVpc;
}

export function groupIn(stack: Stack, name?: string): autoscaling.AutoScalingGroup {
  return new autoscaling.AutoScalingGroup(stack, 'Builders', {
    ...(name !== undefined && { autoScalingGroupName: name }),
    vpc: vpcIn(stack),
    instanceType: new ec2.InstanceType('t4g.small'),
    machineImage: ec2.MachineImage.latestAmazonLinux2023({ cpuType: ec2.AmazonLinuxCpuType.ARM_64 }),
  });
}

/** A hook of one group by name, as a team would write it, with `props` instead of what is given here. */
export function drainHook(props: Partial<NomadDrainHookProps> = {}, stack = emptyStack()): NomadDrainHook {
  return new NomadDrainHook(stack, 'DrainHook', {
    groups: ['builders'],
    nomad: NomadAccess.http({ address: 'https://nomad.internal:4646' }),
    ...props,
  });
}

export function templateOf(props: Partial<NomadDrainHookProps> = {}, stack = emptyStack()): Template {
  drainHook(props, stack);
  return Template.fromStack(stack);
}

// biome-ignore lint/suspicious/noExplicitAny: what a template holds is any JSON; a wrong guess fails the test
export type Json = any;
export type Resource = {
  Type: string;
  Properties: Record<string, Json>;
  DependsOn?: string[];
  DeletionPolicy?: string;
};

/** The resources of one type, by logical id. */
export function resources(template: Template, type: string): Record<string, Resource> {
  return template.findResources(type) as Record<string, Resource>;
}

/** The only resource of this type. */
export function only(template: Template, type: string): Resource {
  const found = Object.values(resources(template, type));
  if (found.length !== 1) throw new Error(`${found.length} resources of type ${type}`);
  return found[0]!;
}

/** The function that drains. */
export function drainFunction(template: Template): Resource {
  const found = Object.entries(resources(template, 'AWS::Lambda::Function')).filter(([id]) => !id.includes('WhoGoes'));
  if (found.length !== 1) throw new Error(`${found.length} functions that drain`);
  return found[0]![1];
}

/** The function's environment. What CloudFormation fills in is written as the name of the resource it refers to. */
export function environmentOf(template: Template): Record<string, string> {
  const text = (value: Json): string =>
    typeof value === 'string' ? value : value.Ref ? value.Ref : value['Fn::Join'][1].map(text).join('');
  const { Variables: variables } = drainFunction(template).Properties.Environment;
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, text(value)]));
}

/** The configuration that the function will read. */
export function configOf(template: Template): Config {
  return parseConfig(environmentOf(template)[CONFIG_VARIABLE]);
}

/** The first group of the function, with what holds for it. */
export function firstGroupOf(template: Template): GroupConfig {
  const [first] = configOf(template).groups;
  if (!first) throw new Error('no group');
  return first;
}

/** The statements of the function's role, by their name; those without one under ''. */
export function statementsOf(template: Template): Record<string, { Action: string | string[]; Resource: unknown }> {
  const { Statement: statements } = only(template, 'AWS::IAM::Policy').Properties.PolicyDocument;
  return Object.fromEntries(statements.map((statement: { Sid?: string }) => [statement.Sid ?? '', statement]));
}

/** The problems that are thrown, each in a line. */
export function problemsOf(action: () => unknown): readonly string[] {
  return thrownProblems(action).map(formatProblem);
}

/** The problems that are thrown. */
export function thrownProblems(action: () => unknown): readonly ConfigProblem[] {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}
