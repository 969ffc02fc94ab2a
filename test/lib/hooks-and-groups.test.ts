import { Duration } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import { describe, expect, test } from 'vitest';
import { configOf, drainHook, emptyStack, groupIn, makeApp, only, resources, templateOf } from './stacks.ts';

const HOOK = 'AWS::AutoScaling::LifecycleHook';
const RULE = 'AWS::Events::Rule';

const LIFECYCLE = 'EC2 Instance-terminate Lifecycle Action';
const lifecycleRules = (template: Template) =>
  Object.values(resources(template, RULE)).filter((rule) =>
    rule.Properties.EventPattern?.['detail-type'].includes(LIFECYCLE),
  );

describe('the lifecycle hook', () => {
  test('says its timeout and its default result, rather than leave them to Auto Scaling', () => {
    expect(only(templateOf(), HOOK).Properties).toEqual({
      AutoScalingGroupName: 'builders',
      LifecycleHookName: 'nomad-drain',
      LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
      HeartbeatTimeout: 1800,
      DefaultResult: 'CONTINUE',
    });
  });

  test('is named, timed and decided as asked, and the function and the rule know it by that name', () => {
    const template = templateOf({
      hook: {
        name: 'drain',
        heartbeatTimeout: Duration.hours(1),
        defaultResult: autoscaling.DefaultResult.ABANDON,
      },
    });
    template.hasResourceProperties(HOOK, {
      LifecycleHookName: 'drain',
      HeartbeatTimeout: 3600,
      DefaultResult: 'ABANDON',
    });
    expect(configOf(template).groups).toMatchObject([
      { name: 'builders', hook: 'drain', heartbeatTimeoutSeconds: 3600 },
    ]);
    template.hasResourceProperties(RULE, { EventPattern: { detail: { LifecycleHookName: ['drain'] } } });
  });

  test.each([
    [
      'abandons where the function does: else a group that retains would lose what lapses',
      'ABANDON',
      undefined,
      'ABANDON',
    ],
    ['continues where the function does', 'CONTINUE', undefined, 'CONTINUE'],
    ['ends a lapsed wait as it is told, whatever the function does', 'ABANDON', 'CONTINUE', 'CONTINUE'],
  ] as const)('%s', (_, onTimeout, defaultResult, expected) => {
    const hook = defaultResult && { defaultResult: autoscaling.DefaultResult[defaultResult] };
    const policy = { onTimeout: autoscaling.DefaultResult[onTimeout] };
    const template = templateOf({ policy, ...(hook && { hook }) });
    expect(only(template, HOOK).Properties.DefaultResult).toBe(expected);
  });

  test('is made after everything that releases an instance, and so deleted before it', () => {
    // A Spot warning releases nobody, and neither does a query: the hook need not wait for these.
    const template = templateOf({ notices: { spot: false } });
    const needed = Object.entries(template.toJSON().Resources as Record<string, { Type: string }>)
      .filter(([, { Type: type }]) => type !== HOOK && !/^AWS::(Logs|CloudWatch)::|::Alias$/.test(type))
      .map(([id]) => id);
    expect(needed.length).toBeGreaterThan(9);
    expect(only(template, HOOK).DependsOn).toEqual(expect.arrayContaining(needed));
  });

  test('keeps its logical id when another group joins or leaves the list before it', () => {
    const idOf = (groups: string[], name: string) =>
      Object.entries(resources(templateOf({ groups }), HOOK)).find(
        ([, { Properties: properties }]) => properties.AutoScalingGroupName === name,
      )?.[0];
    expect(idOf(['builders', 'runners'], 'runners')).toBe(idOf(['runners'], 'runners'));
  });
});

describe('groups', () => {
  test('each gets a hook, and one rule serves them all', () => {
    const template = templateOf({ groups: ['builders', 'runners'] });
    template.resourceCountIs(HOOK, 2);
    const patterns = lifecycleRules(template).map((rule) => rule.Properties.EventPattern.detail.AutoScalingGroupName);
    expect(patterns).toEqual([['builders', 'runners']]);
    expect(configOf(template).groups.map((group) => group.name)).toEqual(['builders', 'runners']);
  });

  test('of the same app are known by the name that CloudFormation gives them', () => {
    const stack = emptyStack();
    const group = groupIn(stack);
    const template = templateOf({ groups: [group, 'runners'] }, stack);
    const id = stack.getLogicalId(group.node.defaultChild as autoscaling.CfnAutoScalingGroup);
    template.hasResourceProperties(HOOK, { AutoScalingGroupName: { Ref: id } });
    template.hasResourceProperties(RULE, {
      EventPattern: { detail: { AutoScalingGroupName: [{ Ref: id }, 'runners'] } },
    });
    expect(configOf(template).groups.map((each) => each.name)).toEqual([id, 'runners']);
  });

  test('of another stack of the same app can be served', () => {
    const app = makeApp();
    const fleet = emptyStack('Fleet', app);
    const group = groupIn(fleet);
    const stack = emptyStack('Drain', app);
    drainHook({ groups: [group] }, stack);
    const hook = only(Template.fromStack(stack), HOOK);
    expect(hook.Properties.AutoScalingGroupName).not.toBeUndefined();
    expect(Object.keys(resources(Template.fromStack(fleet), HOOK))).toEqual([]);
  });

  test('whose names are too long for one event pattern are spread over several rules, none left out', () => {
    const groups = Array.from({ length: 12 }, (_, index) => `${index}-`.padEnd(200, 'x'));
    const rules = lifecycleRules(templateOf({ groups }));
    expect(rules.length).toBe(2);
    for (const rule of rules) expect(JSON.stringify(rule.Properties.EventPattern).length).toBeLessThanOrEqual(2048);
    expect(rules.flatMap((rule) => rule.Properties.EventPattern.detail.AutoScalingGroupName)).toEqual(groups);
  });
});
