import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ENVIRONMENT_BYTES, ROLE_CHARACTERS } from '../../lib/function/deployed-size.ts';
import type { Json } from '../lib/stacks.ts';
import { EVERYTHING, ofType } from './cases.ts';
import { make } from './cloudformation.ts';
import { TEMPLATE } from './template.ts';

/** What AWS takes no more of, by the words of docs/without-cdk.md. */
const LIMITS = {
  'the policy of the role': ROLE_CHARACTERS,
  'the environment of the function': ENVIRONMENT_BYTES,
  // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
  'the pattern of the rule': 2048,
  // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
  'the value of the parameter': 4096,
} as const;

/** As long as what a deployment tells in its place: an ARN, with the names that CloudFormation makes up. */
const deployed = (made: unknown) =>
  JSON.stringify(made).replaceAll(/\{"(Ref|Fn::GetAtt)":(\[[^\]]*\]|"[^"]*")\}/g, JSON.stringify('x'.repeat(120)));

/** What is too large of a stack with so many groups, every option chosen. */
function tooLarge(count: number, nameLength: number): string[] {
  const names = Array.from({ length: count }, (_, index) => `${index}`.padStart(nameLength, 'g'));
  const GroupNames = names.join(',');
  const { resources } = make(TEMPLATE, { ...EVERYTHING, GroupNames });
  const lengths = (type: string, property: string) =>
    ofType(resources, type).map(({ Properties }) => deployed(Properties[property] ?? '').length);
  const sizes: Record<keyof typeof LIMITS, number> = {
    'the policy of the role': Math.max(...lengths('AWS::IAM::Policy', 'PolicyDocument')),
    'the environment of the function': deployed(
      ofType(resources, 'AWS::Lambda::Function')[0].Properties.Environment.Variables,
    ).length,
    'the pattern of the rule': Math.max(...lengths('AWS::Events::Rule', 'EventPattern')),
    'the value of the parameter': GroupNames.length,
  };
  return Object.entries(LIMITS).flatMap(([limit, most]) => (sizes[limit as keyof typeof LIMITS] > most ? [limit] : []));
}

describe('docs/without-cdk.md says how many groups fit', () => {
  const page = readFileSync(new URL('../../docs/without-cdk.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| (\d+) \| (\d+) \| ([^|]+) \|$/gm)].map(
    ([, length, groups, limit]) => [Number(length), Number(groups), limit!] as const,
  );

  test('for short and for long names', () => {
    expect(rows.map(([length]) => length)).toEqual([10, 20, 30, 60]);
  });

  test.each(rows)('with names of %i characters: %i, and one more is too much for %s', (length, groups, limit) => {
    expect(tooLarge(groups, length)).toEqual([]);
    expect(tooLarge(groups + 1, length)).toEqual([limit]);
  });
});

test('the function may answer for all groups by one statement, whose length grows by their names alone', () => {
  const groups = ['builders', 'runners', 'gpu.large'];
  const { resources } = make(TEMPLATE, { ...EVERYTHING, GroupNames: groups.join() });
  const policies = ofType(resources, 'AWS::IAM::Policy');
  const statements: Json[] = policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
  const answers = statements.filter(({ Action }) => `${Action}`.includes('CompleteLifecycleAction'));
  expect(answers.map(({ Resource }) => Resource)).toEqual([
    groups.map((name) => `arn:*:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/${name}`),
  ]);
});
