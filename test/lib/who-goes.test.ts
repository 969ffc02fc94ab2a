import { Duration, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import { describe, expect, test } from 'vitest';
import { CONFIG_VARIABLE, parseConfig } from '../../lambda/config/config.ts';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import type { NomadDrainHookProps } from '../../lib/props.ts';
import { readSettings } from '../../lib/settings/settings.ts';
import {
  cdkContext,
  drainHook,
  emptyStack,
  groupIn,
  type Json,
  makeApp,
  only,
  problemsOf,
  type Resource,
  resources,
  templateOf,
  thrownProblems,
  vpcIn,
} from './stacks.ts';

const GROUP = 'AWS::AutoScaling::AutoScalingGroup';
const FUNCTION = 'AWS::Lambda::Function';
const nomad = NomadAccess.http({ address: 'https://nomad.internal:4646', token: '/nomad/token' });

const templateWith = (props: Partial<NomadDrainHookProps> = {}, stack?: Stack) =>
  templateOf({ chooseIdleFirst: true, ...props }, stack);

type Named = [id: string, Resource];

/** The function that answers, and the one that drains. */
function functionsOf(template: Template): { answers: Named; drains: Named } {
  const both = Object.entries(resources(template, FUNCTION));
  const [answers, ...others] = both.filter(([id]) => id.includes('WhoGoes'));
  const [drains] = both.filter(([id]) => !id.includes('WhoGoes'));
  if (!answers || !drains || others.length > 0) throw new Error('not one function of each kind');
  return { answers, drains };
}

const permissionsOf = (template: Template): Named[] =>
  Object.entries(resources(template, 'AWS::Lambda::Permission')).filter(
    ([
      ,
      {
        Properties: { Principal: principal },
      },
    ]) => principal !== 'events.amazonaws.com',
  );
const principal = (role: string) => ({
  'Fn::Join': [
    '',
    [
      'arn:',
      { Ref: 'AWS::Partition' },
      ':iam::',
      { Ref: 'AWS::AccountId' },
      `:role/aws-service-role/autoscaling.amazonaws.com/${role}`,
    ],
  ],
});

/** Written as one would see it in the console: each function is its logical id. */
const text = (value: Json): string =>
  typeof value === 'string' ? value : (value['Fn::Join']?.[1].map(text).join('') ?? value['Fn::GetAtt']?.[0] ?? 'name');
const outputsOf = (template: Template): string[] =>
  Object.values(template.toJSON().Outputs ?? {}).map((output) => text((output as Json).Value));

/** Everything that a resource refers to or depends on, and what that does. */
function needs(template: Template, id: string, seen = new Set<string>()): Set<string> {
  const all = template.toJSON().Resources;
  const direct = [...JSON.stringify(all[id]).matchAll(/"([A-Za-z0-9]+)"/g)].map(([, word = '']) => word);
  for (const each of direct) {
    if (each === id || !(each in all) || seen.has(each)) continue;
    seen.add(each);
    needs(template, each, seen);
  }
  return seen;
}

describe('the function that says which instances go', () => {
  const { answers, drains } = functionsOf(templateWith({ nomad }));

  test('is made only if asked: nothing differs otherwise', () => {
    expect(templateOf({ chooseIdleFirst: false }).toJSON()).toEqual(templateOf().toJSON());
    expect(Object.keys(resources(templateOf(), FUNCTION))).toHaveLength(1);
    expect(drainHook().whoGoes).toBeUndefined();
    expect(drainHook({ chooseIdleFirst: true }).whoGoes).toBeDefined();
  });

  test('is the same bundle with the same log, has a role of its own and more of a core, ends soon, and is not the one that the command line asks', () => {
    const differing = ['Description', 'Role', 'Environment', 'MemorySize', 'Timeout', 'Tags'];
    const rest = ([, { Properties: properties }]: Named) =>
      Object.fromEntries(Object.entries(properties).filter(([name]) => !differing.includes(name)));
    expect(rest(answers)).toEqual(rest(drains));
    expect(answers[1].Properties.MemorySize).toBeGreaterThan(drains[1].Properties.MemorySize);
    expect(answers[1].Properties.Timeout).toBe(5);
    expect([drains, answers].map(([, { Properties }]) => 'Tags' in Properties)).toEqual([true, false]);
  });

  test('knows Nomad as the other does, and no group by name', () => {
    const configuration = ([, { Properties: properties }]: Named) =>
      parseConfig(properties.Environment.Variables[CONFIG_VARIABLE]);
    expect(configuration(answers).nomad).toEqual(configuration(drains).nomad);
    expect(configuration(answers).groups.map(({ name }) => name)).toEqual(['*']);
    expect(configuration(drains).groups[0]?.chooses).toMatchObject({ on: true, onlyIdle: false });
  });

  test('waits for idle instances as long as it is told', () => {
    const template = templateWith({ chooseIdleFirst: { onlyIdleFor: Duration.minutes(15) } });
    const [, { Properties: properties }] = functionsOf(template).answers;
    expect(parseConfig(properties.Environment.Variables[CONFIG_VARIABLE]).groups[0]?.chooses).toEqual({
      on: true,
      onlyIdle: true,
      onlyIdleForSeconds: 900,
    });
  });

  test('is kept warm, every four minutes, and not again if that fails', () => {
    const rules = Object.values(resources(templateWith(), 'AWS::Events::Rule'));
    const [warm, ...others] = rules.filter(
      ({ Properties: { ScheduleExpression: rate } }) => rate === 'rate(4 minutes)',
    );
    expect(others).toEqual([]);
    expect(warm?.Properties.Targets).toEqual([
      {
        Id: 'Target0',
        Arn: { 'Fn::GetAtt': [expect.stringContaining('WhoGoes'), 'Arn'] },
        Input: '{"command":"warm"}',
        RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
      },
    ]);
  });

  test('is in the same network, and may be attached to it before it is made', () => {
    const stack = emptyStack();
    const template = templateWith({ vpc: vpcIn(stack) }, stack);
    const both = functionsOf(template);
    expect(both.answers[1].Properties.VpcConfig).toEqual(both.drains[1].Properties.VpcConfig);
    const policies = resources(template, 'AWS::IAM::Policy');
    const [policy = ''] = Object.keys(policies).filter((id) => id.includes('WhoGoesRole'));
    expect(both.answers[1].DependsOn).toContain(policy);
    const { Statement: statements } = policies[policy]?.Properties.PolicyDocument ?? {};
    expect(statements.find(({ Sid }: Json) => Sid === 'AttachToVpc').Action).toContain('ec2:CreateNetworkInterface');
  });

  test('may read what leads to Nomad, write its log and send events: it completes nothing', () => {
    const token = NomadAccess.http({ address: 'https://nomad.internal:4646', token: '/nomad/drain-token' });
    const template = templateWith({ nomad: token });
    const [, { Properties: properties }] = functionsOf(template).answers;
    const role = properties.Role['Fn::GetAtt'][0];
    const policies = Object.values(resources(template, 'AWS::IAM::Policy')).filter(
      ({ Properties: { Roles } }) => Roles[0].Ref === role,
    );
    const actions = policies.flatMap(({ Properties: { PolicyDocument } }) =>
      PolicyDocument.Statement.flatMap(({ Action }: Json) => Action),
    );
    expect(actions.toSorted()).toEqual([
      'events:PutEvents',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'ssm:GetParameters',
    ]);
  });
});

describe('Auto Scaling may ask it', () => {
  test('by its service-linked role, and nobody else may but the rule', () => {
    const template = templateWith();
    const [[, { Properties: permission }], ...others] = permissionsOf(template) as [Named];
    expect(others).toEqual([]);
    expect(permission).toEqual({
      Action: 'lambda:InvokeFunction',
      FunctionName: { 'Fn::GetAtt': [functionsOf(template).answers[0], 'Arn'] },
      Principal: principal('AWSServiceRoleForAutoScaling'),
    });
  });

  test('by the role that the groups have, where it has a suffix', () => {
    const [[, permission]] = permissionsOf(templateWith({ chooseIdleFirst: { serviceLinkedRoleSuffix: 'ci' } })) as [
      Named,
    ];
    expect(permission.Properties.Principal).toEqual(principal('AWSServiceRoleForAutoScaling_ci'));
  });
});

describe('a group of the same stack', () => {
  const made = (policies?: autoscaling.TerminationPolicy[]) => {
    const stack = emptyStack();
    const group = groupIn(stack);
    const resource = group.node.defaultChild as autoscaling.CfnAutoScalingGroup;
    if (policies) resource.terminationPolicies = policies;
    return templateWith({ groups: [group] }, stack);
  };

  test.each([
    ['by the default after that, where it has no policies', undefined, ['Default']],
    [
      'by its own after that, where it has some',
      [autoscaling.TerminationPolicy.OLDEST_INSTANCE, autoscaling.TerminationPolicy.DEFAULT],
      ['OldestInstance', 'Default'],
    ],
  ])('asks first, and chooses %s', (_, policies, after) => {
    const template = made(policies);
    const [id] = functionsOf(template).answers;
    expect(only(template, GROUP).Properties.TerminationPolicies).toEqual([{ 'Fn::GetAtt': [id, 'Arn'] }, ...after]);
    expect(outputsOf(template)).toEqual([]);
  });

  test('is made after the function and the permission, which need nothing of it', () => {
    const stack = emptyStack();
    const group = groupIn(stack);
    // The security group of the functions, too.
    const vpc = stack.node.findChild('Vpc') as unknown as ec2.IVpc;
    const template = templateWith({ groups: [group], vpc, nomad }, stack);
    const [groupId = ''] = Object.keys(resources(template, GROUP));
    const [[permission]] = permissionsOf(template) as [Named];
    expect(needs(template, groupId)).toContain(permission);
    expect(needs(template, permission)).toContain(functionsOf(template).answers[0]);
    expect(needs(template, permission)).not.toContain(groupId);
  });

  test('is refused if it asks another function already', () => {
    const stack = emptyStack();
    const group = groupIn(stack);
    const resource = group.node.defaultChild as autoscaling.CfnAutoScalingGroup;
    resource.terminationPolicies = ['arn:aws:lambda:eu-west-1:111122223333:function:other'];
    const refused = () => drainHook({ groups: ['runners', group], chooseIdleFirst: true }, stack);
    expect(thrownProblems(refused).map(({ path, id }) => [...path, id])).toEqual([
      ['groups', 1, 'nomad-drain-hook:asksAnother'],
    ]);
  });
});

describe('a group that is not of the stack', () => {
  test('is made to ask, or not to, by one command in the outputs', () => {
    const template = templateWith({ groups: ['builders', "runner's"] });
    const [id] = functionsOf(template).answers;
    const command = (policies: string) =>
      `for group in 'builders' 'runner'\\''s'; do aws autoscaling update-auto-scaling-group ` +
      `--auto-scaling-group-name "$group" --termination-policies ${policies}; done`;
    expect(outputsOf(template)).toEqual([command(`${id} Default`), command('Default')]);
  });

  test('stays as it is, if another stack of the app makes it: that stack comes first', () => {
    const app = makeApp();
    const fleet = emptyStack('Fleet', app);
    const stack = emptyStack('Drain', app);
    drainHook({ groups: [groupIn(fleet)], chooseIdleFirst: true }, stack);
    expect(only(Template.fromStack(fleet), GROUP).Properties.TerminationPolicies).toBeUndefined();
    expect(outputsOf(Template.fromStack(stack))).toHaveLength(2);
  });
});

describe('at synth is refused', () => {
  test.each([
    [Duration.minutes(51), '51 min is more than the 50 min a wait for idle instances may be'],
    [Duration.millis(1500), '1.5 s is not a whole number of seconds'],
    [Duration.seconds(0), '0 s is less than the 1 s a wait for idle instances must be'],
  ])('a wait of %s', (onlyIdleFor, why) => {
    expect(problemsOf(() => drainHook({ chooseIdleFirst: { onlyIdleFor } }))).toEqual([
      `chooseIdleFirst.onlyIdleFor: ${why} [nomad-drain-hook:onlyIdleOutOfRange]`,
    ]);
  });

  test('to choose where Nomad is asked through instances', () => {
    expect(problemsOf(() => drainHook({ chooseIdleFirst: true, nomad: NomadAccess.runCommand() }))).toEqual([
      expect.stringMatching(/^chooseIdleFirst: Nomad must be reached over HTTP/),
    ]);
  });

  test('a setting without the other that it belongs to', () => {
    const problems = (more: Record<string, string>) =>
      problemsOf(() => readSettings({ ...cdkContext, groups: 'builders', ...more }));
    expect(problems({ nomadAddress: 'https://nomad', onlyIdleFor: '15m' })).toEqual([
      'onlyIdleFor: needs chooseIdleFirst=true',
    ]);
    expect(problems({ nomadVia: 'ssm', chooseIdleFirst: 'true' })).toEqual([
      expect.stringMatching(/^chooseIdleFirst: has no meaning with nomadVia=ssm/),
    ]);
    expect(problems({ nomadAddress: 'https://nomad', chooseIdleFirst: 'true', onlyIdleFor: '51m' })).toEqual([
      expect.stringMatching(/^onlyIdleFor: 51m is more than the 50 min /),
    ]);
  });
});
