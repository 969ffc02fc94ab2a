import { describe, expect, test } from 'vitest';
import { idOf, references } from './as-cloudformation.ts';
import { madeByCdk } from './by-cdk.ts';
import { EVERYTHING, ONE } from './cases.ts';
import { blocksOfType, make } from './module.ts';
import { needsOf } from './references.ts';

const { resources } = make(EVERYTHING);
/** The resources by the ids of the CDK, several where the CDK has one: a rule, and its target. */
const byId = Map.groupBy(Object.keys(resources), idOf);
/** As `needsOf` has it. */
const withoutKey = (address: string) => address.replace(/\[.*/, '');

describe('what waits for what', () => {
  const made = Object.entries(madeByCdk(EVERYTHING).resources);
  const needs = made.flatMap(([id, { DependsOn }]) => (DependsOn ?? []).map((needed: string) => [id, needed] as const));

  test.each(needs)('%s for %s, as in the CDK', (id, needed) => {
    for (const address of byId.get(id)!) {
      const found = needsOf(withoutKey(address));
      for (const before of byId.get(needed)!) expect(found).toContain(withoutKey(before));
    }
  });

  test('nothing for the hooks: they are made last, and deleted first', () => {
    const all = blocksOfType('resource').map(({ labels }) => labels.join('.'));
    const waiting = all.filter((address) => needsOf(address).has('aws_autoscaling_lifecycle_hook.hook'));
    expect(all).toContain('aws_autoscaling_lifecycle_hook.hook');
    expect(waiting).toEqual([]);
  });
});

describe('a group may be made after the function that it asks', () => {
  test.each(['aws_lambda_function.who_goes', 'output.who_goes_function_arn'])('%s needs no group', (address) => {
    const found = needsOf(address);
    expect(found).toContain('aws_iam_role.who_goes');
    expect(found).not.toContain('aws_iam_role.function');
    expect(found).not.toContain('var.group_names');
  });

  test('by then it may ask', () => {
    expect(needsOf('output.who_goes_function_arn')).toContain('aws_lambda_permission.auto_scaling');
  });
});

describe('the groups', () => {
  const hooks = (group_names: string[]) =>
    Object.keys(make({ ...ONE, group_names }).resources).filter((address) => /lifecycle_hook/.test(address));

  test('each have a hook that stays where it is when another group is taken out', () => {
    expect(hooks(['runners'])).toEqual(['aws_autoscaling_lifecycle_hook.hook[runners]']);
    expect(hooks(['builders', 'runners'])).toEqual(expect.arrayContaining(hooks(['runners'])));
  });

  test('are spread over as many rules as their names need', () => {
    const group_names = Array.from({ length: 12 }, (_, index) => `${index}`.padStart(200, 'g'));
    const all = Object.entries(make({ ...ONE, group_names }).resources);
    const rules = all.filter(([address]) => address.startsWith('aws_cloudwatch_event_rule.rule[termination'));
    const patterns = rules.map(([, { config }]) => config.event_pattern as string);
    expect(rules.map(([address]) => address)).toEqual([
      'aws_cloudwatch_event_rule.rule[termination]',
      'aws_cloudwatch_event_rule.rule[termination-1]',
    ]);
    expect(patterns.flatMap((pattern) => JSON.parse(pattern).detail.AutoScalingGroupName)).toEqual(group_names);
    // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
    for (const pattern of patterns) expect(pattern.length).toBeLessThanOrEqual(2048);
  });
});

describe('the outputs', () => {
  test('have the same commands as the CDK that make groups ask which instances go, and take it back', () => {
    const { outputs } = make(EVERYTHING);
    const cdk = madeByCdk(EVERYTHING).outputs;
    expect(references(outputs.who_goes_ask_command)).toBe(cdk.WhoGoesAsk!.Value);
    expect(outputs.who_goes_ask_no_more_command).toBe(cdk.WhoGoesAskNoMore!.Value);
    expect(make(ONE).outputs).toMatchObject({ who_goes_ask_command: null, who_goes_ask_no_more_command: null });
  });

  test('have the command that asks for the status', () => {
    expect(make(ONE).outputs.status_command).toBe(
      'aws lambda invoke --region eu-west-1 --function-name «aws_lambda_function.function.function_name»:query ' +
        `--cli-binary-format raw-in-base64-out --payload '{"command":"status"}' /dev/stdout`,
    );
  });
});
