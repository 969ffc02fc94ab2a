import { readFileSync } from 'node:fs';
import type { Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { describe, expect, test } from 'vitest';
import { EVENT_SOURCE } from '../../lambda/core/model/drain-event.ts';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import {
  configOf,
  emptyStack,
  groupIn,
  type Json,
  only,
  resources,
  statementsOf,
  templateOf,
  vpcIn,
} from './stacks.ts';

const address = 'https://nomad.internal:4646';
const ANSWER = ['autoscaling:CompleteLifecycleAction', 'autoscaling:RecordLifecycleActionHeartbeat'];
const ALWAYS = [
  ...ANSWER,
  'autoscaling:DescribeAutoScalingGroups',
  'autoscaling:DescribeAutoScalingInstances',
  'autoscaling:DescribeLifecycleHooks',
  'autoscaling:DescribeScalingActivities',
  'autoscaling:DescribeWarmPool',
  'ec2:DescribeInstances',
  'ec2:DescribeSpotInstanceRequests',
  'events:PutEvents',
  'logs:CreateLogStream',
  'logs:PutLogEvents',
  'sqs:GetQueueAttributes',
  'sqs:GetQueueUrl',
  'sqs:SendMessage',
];

const actionsOf = (template: Parameters<typeof statementsOf>[0]): string[] =>
  only(template, 'AWS::IAM::Policy').Properties.PolicyDocument.Statement.flatMap(({ Effect, Action }: Json) =>
    Effect === 'Allow' ? Action : [],
  );
const arn = (service: string, rest: string) => ({
  'Fn::Join': [
    '',
    ['arn:', { Ref: 'AWS::Partition' }, `:${service}:`, { Ref: 'AWS::Region' }, ':', { Ref: 'AWS::AccountId' }, rest],
  ],
});

describe('the function may', () => {
  test('do exactly this, and has no managed policy', () => {
    const template = templateOf();
    expect(actionsOf(template).toSorted()).toEqual(ALWAYS.toSorted());
    expect(only(template, 'AWS::IAM::Role').Properties.ManagedPolicyArns).toBeUndefined();
  });

  test('answer for its own groups only, and for those of its own region', () => {
    const { AnswerLifecycleHook: statement } = statementsOf(templateOf({ groups: ['builders', 'runners'] }));
    expect(statement).toMatchObject({
      Action: ANSWER,
      Resource: [
        'arn:*:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/builders',
        'arn:*:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/runners',
      ],
      Condition: { StringEquals: { 'aws:RequestedRegion': { Ref: 'AWS::Region' } } },
    });
  });

  test('answer for a group of the same app', () => {
    const stack = emptyStack();
    const group = groupIn(stack);
    const template = templateOf({ groups: [group] }, stack);
    const [id] = Object.keys(resources(template, 'AWS::AutoScaling::AutoScalingGroup'));
    const policies = Object.values(resources(template, 'AWS::IAM::Policy'));
    const statement = policies
      .flatMap((policy) => policy.Properties.PolicyDocument.Statement)
      .find((each) => each.Sid === 'AnswerLifecycleHook');
    expect(statement.Resource['Fn::Join'][1]).toEqual([
      'arn:*:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/',
      { Ref: id },
    ]);
  });

  test('act on everything only where AWS knows no narrower permission', () => {
    const onEverything = Object.values(statementsOf(templateOf())).filter((each) => each.Resource === '*');
    for (const action of onEverything.flatMap((statement) => statement.Action)) {
      expect(action).toMatch(/^(autoscaling|ec2):Describe/);
    }
    expect(onEverything).toHaveLength(3);
  });

  test('write to its own log group only', () => {
    const template = templateOf();
    const [id] = Object.keys(resources(template, 'AWS::Logs::LogGroup'));
    expect(statementsOf(template).WriteLog!.Resource).toEqual({ 'Fn::GetAtt': [id, 'Arn'] });
  });

  test('attach itself to subnets when it runs inside a VPC, and not otherwise', () => {
    const stack = emptyStack();
    const template = templateOf({ vpc: vpcIn(stack) }, stack);
    const { DenyAttachToCode: denied, ...allowed } = statementsOf(template);
    const actions = Object.values(allowed).flatMap(({ Action }) => Action);
    expect(actions.filter((action) => !ALWAYS.includes(action)).toSorted()).toEqual([
      'ec2:AssignPrivateIpAddresses',
      'ec2:CreateNetworkInterface',
      'ec2:DeleteNetworkInterface',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSubnets',
      'ec2:UnassignPrivateIpAddresses',
    ]);
    // The service does that with the role; the code, in whose requests this key is, may not.
    expect(denied).toEqual({
      Sid: 'DenyAttachToCode',
      Effect: 'Deny',
      Action: ['ec2:*NetworkInterface*', 'ec2:*PrivateIpAddresses'],
      Resource: '*',
      Condition: { Null: { 'lambda:SourceFunctionArn': 'false' } },
    });
  });
});

describe('of Parameter Store the function may read', () => {
  test('the token and the certificate authority, by the names given, with or without a leading slash', () => {
    const nomad = NomadAccess.http({ address, token: '/nomad/drain-token', ca: 'nomad-ca' });
    const { ReadNomadParameters: statement } = statementsOf(templateOf({ nomad }));
    expect(statement!.Resource).toHaveLength(2);
    expect(statement).toMatchObject({
      Action: 'ssm:GetParameters',
      Resource: expect.arrayContaining([arn('ssm', ':parameter/nomad/drain-token'), arn('ssm', ':parameter/nomad-ca')]),
    });
  });

  test('a parameter of the same app', () => {
    const stack = emptyStack();
    const ca = new ssm.StringParameter(stack, 'Ca', { stringValue: 'PEM' });
    const template = templateOf({ nomad: NomadAccess.http({ address, ca }) }, stack);
    const [id] = Object.keys(resources(template, 'AWS::SSM::Parameter'));
    expect(JSON.stringify(statementsOf(template).ReadNomadParameters!.Resource)).toContain(`{"Ref":"${id}"}`);
  });

  test('nothing, where no parameter is named', () => {
    expect(actionsOf(templateOf()).join()).not.toContain('ssm:');
  });

  test('what a customer key encrypts, where that key is given', () => {
    const stack = emptyStack();
    const encryptionKey = kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:eu-west-1:111122223333:key/1234');
    const nomad = NomadAccess.http({ address, token: '/nomad/token', encryptionKey });
    const template = templateOf({ nomad }, stack);
    const statement = only(template, 'AWS::IAM::Policy').Properties.PolicyDocument.Statement.find(
      (each: Json) => each.Action === 'kms:Decrypt',
    );
    expect(statement).toMatchObject({ Resource: encryptionKey.keyArn });
  });
});

describe('a function that logs in', () => {
  const nomad = () => NomadAccess.http({ address, login: { authMethod: 'aws' } });

  test('may have itself described to Nomad alone, for minutes', () => {
    expect(statementsOf(templateOf({ nomad: nomad() })).ProveIdentity).toMatchObject({
      Action: 'sts:GetWebIdentityToken',
      Condition: {
        'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': ['nomad'] },
        NumericLessThanEquals: { 'sts:DurationSeconds': 300 },
      },
    });
  });

  test('is told the auth method, and reads no parameter', () => {
    const template = templateOf({ nomad: nomad() });
    expect(configOf(template).nomad).toMatchObject({ login: { authMethod: 'aws', audience: 'nomad' } });
    expect(actionsOf(template).join()).not.toContain('ssm:');
  });
});

describe('a function that tells of its drains', () => {
  const CENTRAL = 'arn:aws:events:eu-west-1:111122223333:event-bus/central';
  const told = (eventBus: (stack: Stack) => events.IEventBus) => {
    const stack = emptyStack();
    const template = templateOf({ eventBus: eventBus(stack) }, stack);
    return { bus: configOf(template).events?.bus, statement: statementsOf(template).TellEvents!, template };
  };

  test('does so on the default bus, where no other is given, and in its own name only', () => {
    const template = templateOf();
    expect(configOf(template).events).toEqual({ bus: 'default' });
    expect(statementsOf(template).TellEvents).toMatchObject({
      Action: 'events:PutEvents',
      Resource: arn('events', ':event-bus/default'),
      Condition: {
        'ForAllValues:StringEquals': { 'events:source': EVENT_SOURCE },
        Null: { 'events:source': 'false' },
      },
    });
  });

  test('does so on the bus given, and on no other', () => {
    const { bus, statement, template } = told((stack) => new events.EventBus(stack, 'Bus') as events.IEventBus);
    const [id] = Object.keys(resources(template, 'AWS::Events::EventBus'));
    expect(bus).toBe(id);
    expect(statement.Resource).toEqual({ 'Fn::GetAtt': [id, 'Arn'] });
  });

  test('names a bus of another account by its ARN: a name is looked for in its own', () => {
    const { bus, statement } = told((stack) => events.EventBus.fromEventBusArn(stack, 'Bus', CENTRAL));
    expect(bus).toBe(CENTRAL);
    expect(statement.Resource).toBe(CENTRAL);
  });
});

describe('a function that asks through instances', () => {
  const statements = (nomad: NomadAccess) => {
    const stack = emptyStack();
    const template = templateOf({ nomad, groups: ['builders'] }, stack);
    const [document = ''] = Object.keys(resources(template, 'AWS::SSM::Document'));
    return { document, statements: statementsOf(template), template };
  };

  test('may run its own document on instances of its groups, and nothing else nowhere else', () => {
    const { document, statements: found } = statements(NomadAccess.runCommand());
    expect(JSON.stringify(found.AskOnlyThis)).toContain(`:document/",{"Ref":"${document}"}`);
    expect(found.AskOnlyThere).toMatchObject({
      Action: 'ssm:SendCommand',
      Condition: { StringEquals: { 'ssm:resourceTag/aws:autoscaling:groupName': ['builders'] } },
    });
    expect(found.ReadNomadParameters).toBeUndefined();
  });

  test('may run it on its gateways instead, where they are named', () => {
    const { statements: found, template } = statements(
      NomadAccess.runCommand({ gateway: { tag: 'Role', value: 'nomad-server' } }),
    );
    expect(found.AskOnlyThere).toMatchObject({
      Condition: { StringEquals: { 'ssm:resourceTag/Role': ['nomad-server'] } },
    });
    expect(configOf(template).nomad).toMatchObject({ via: 'ssm', gateway: { tag: 'Role', value: 'nomad-server' } });
  });
});

describe('a function that asks through the clients of its groups', () => {
  test('may find them, and so may the one that says which instances go; each reads its parameters', () => {
    const stack = emptyStack();
    const nomad = NomadAccess.clients({ token: '/nomad/token' });
    const template = templateOf({ nomad, chooseIdleFirst: true, vpc: vpcIn(stack) }, stack);
    const policies = Object.values(resources(template, 'AWS::IAM::Policy'));
    expect(policies).toHaveLength(2);
    for (const { Properties } of policies) {
      const named = (sid: string) => Properties.PolicyDocument.Statement.find(({ Sid }: Json) => Sid === sid);
      expect(named('FindClients')).toMatchObject({
        Action: ['autoscaling:DescribeAutoScalingGroups', 'autoscaling:DescribeWarmPool', 'ec2:DescribeInstances'],
        Resource: '*',
      });
      expect(named('ReadNomadParameters').Resource).toEqual(arn('ssm', ':parameter/nomad/token'));
    }
  });
});

test('docs/security.md lists every action there is, and none besides', () => {
  const documented = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const listed = [...documented.matchAll(/^\| `(\w+:\w+)` \|/gm)].map(([, action]) => action);

  const stack = emptyStack();
  const encryptionKey = kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:eu-west-1:111122223333:key/1234');
  const withToken = NomadAccess.http({ address, token: '/nomad/token', encryptionKey });
  const withLogin = NomadAccess.http({ address, login: { authMethod: 'aws' } });
  const granted = [
    ...actionsOf(templateOf({ nomad: withToken, vpc: vpcIn(stack) }, stack)),
    ...actionsOf(templateOf({ nomad: withLogin })),
    ...actionsOf(templateOf({ nomad: NomadAccess.runCommand() })),
    ...actionsOf(templateOf({ notices: { maintenance: true } })),
  ];

  expect(listed.toSorted()).toEqual([...new Set(granted)].toSorted());
});
