import { Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { ConfigProblem } from '../../lambda/errors.ts';

/** Lambda's limit for all environment variables of a function together, in bytes. Cannot be raised. */
export const ENVIRONMENT_BYTES = 4096;
/** IAM's limit for all inline policies of a role together, in characters without white space. Cannot be raised. */
export const ROLE_CHARACTERS = 10_240;

/**
 * The size of a function's environment as Lambda measures it, in bytes: all variables as one JSON object, so every
 * quote inside a value counts twice.
 * @param variables may contain tokens; their lengths are estimated
 */
export function environmentBytes(variables: Record<string, string>, stack: Stack): number {
  return Buffer.byteLength(JSON.stringify(deployed(stack.resolve(variables), stack)));
}

/**
 * The size of all inline policies of a role, in characters: its default policy, and those that others of its stack attach.
 * Known at synthesis only, after the CDK has moved what is too large for its own policy into managed ones.
 */
function inlinePolicyCharacters(role: iam.IRole): number {
  const stack = Stack.of(role);
  const name = JSON.stringify(stack.resolve(role.roleName));
  const isOfRole = (each: unknown) => JSON.stringify(each) === name;
  const documents = stack.node.findAll().flatMap((each): unknown[] => {
    if (each instanceof iam.CfnRolePolicy) return isOfRole(stack.resolve(each.roleName)) ? [each.policyDocument] : [];
    if (!(each instanceof iam.CfnPolicy)) return [];
    const roles: unknown[] = stack.resolve(each.roles) ?? [];
    return roles.some(isOfRole) ? [each.policyDocument] : [];
  });
  return documents.reduce<number>(
    (sum, document) => sum + JSON.stringify(deployed(stack.resolve(document), stack)).length,
    0,
  );
}

/**
 * Whether Lambda takes the environment: no problem, or one.
 * @param groups as they are in the environment
 */
export function environmentProblems(
  variables: Record<string, string>,
  stack: Stack,
  groups: readonly object[],
): ConfigProblem[] {
  const bytes = environmentBytes(variables, stack);
  if (bytes <= ENVIRONMENT_BYTES) return [];
  return [
    {
      path: ['groups'],
      id: 'nomad-drain-hook:environmentTooLarge',
      message:
        `the environment of the function would be ${bytes} bytes, Lambda takes ${ENVIRONMENT_BYTES}: about ` +
        `${fitting(groups, bytes - ENVIRONMENT_BYTES, stack)} of the groups (${groups.length}) fit. Spread them over several ` +
        'NomadDrainHooks, or give them fewer options of their own',
    },
  ];
}

/** How many groups of average size leave out so many bytes. */
function fitting(groups: readonly object[], excess: number, stack: Stack): number {
  // JSON inside JSON, as it is measured.
  const text = JSON.stringify(deployed(stack.resolve(groups), stack));
  const size = Buffer.byteLength(JSON.stringify(text));
  return Math.max(0, Math.floor(groups.length * (1 - excess / size)));
}

/** Whether IAM takes the inline policies of the role: no problem, or one. */
export function roleProblems(role: iam.IRole): ConfigProblem[] {
  const characters = inlinePolicyCharacters(role);
  if (characters <= ROLE_CHARACTERS) return [];
  return [
    {
      path: ['groups'],
      id: 'nomad-drain-hook:roleTooLarge',
      message:
        `the inline policies of the function's role would be ${characters} characters, IAM takes ${ROLE_CHARACTERS}. ` +
        'Spread the groups over several NomadDrainHooks, or attach managed policies',
    },
  ];
}

/** The length of a text once it is deployed, in characters: estimated where it contains tokens. */
export function deployedLength(text: string, stack: Stack): number {
  return Token.isUnresolved(text) ? String(deployed(stack.resolve(text), stack)).length : text.length;
}

/** The greatest length of each pseudo parameter. */
const PSEUDO: Readonly<Record<string, number>> = {
  'AWS::Partition': 'aws-us-gov'.length,
  'AWS::Region': 'ap-southeast-1'.length,
  'AWS::AccountId': '111122223333'.length,
};
/** An ARN without the name at its end: of a queue, of a log group. */
const ARN = 'arn:aws-us-gov:logs:us-gov-west-1:111122223333:log-group::*'.length;
/** The greatest length of anything else. */
const LONGEST = 255;

/** A resolved value with a text of the same length in place of each intrinsic function. */
function deployed(value: unknown, stack: Stack): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => deployed(item, stack));
  const { Ref: ref, 'Fn::Join': join, 'Fn::GetAtt': attribute } = value as Intrinsics;
  if (join) return join[1].map((part) => deployed(part, stack)).join(join[0]);
  // CloudFormation generates names like stack-LogicalId-12RANDOMCHARS.
  const named = (id: string) => `${stack.stackName}-${id}-`.length + 12;
  if (ref) return filler(PSEUDO[ref] ?? named(ref));
  if (attribute?.[1] === 'Arn') return filler(ARN + named(attribute[0]));
  if (Object.keys(value).some((key) => key.startsWith('Fn::'))) return filler(LONGEST);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, deployed(item, stack)]));
}

interface Intrinsics {
  readonly Ref?: string;
  readonly 'Fn::Join'?: [by: string, parts: unknown[]];
  readonly 'Fn::GetAtt'?: [id: string, attribute: string];
}

const filler = (length: number) => 'x'.repeat(Math.min(LONGEST, length));
