import { Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { RemovalPolicy } from 'aws-cdk-lib/core';
import { describe, expect, test } from 'vitest';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import { NomadDrainHook } from '../../lib/nomad-drain-hook.ts';
import { drainFunction, drainHook, emptyStack, type Json, only, resources, templateOf } from './stacks.ts';

describe('an app brings its own', () => {
  test('role: two hooks may share it, each with a policy of its own, in which no name is twice', () => {
    const stack = emptyStack();
    const role = new iam.Role(stack, 'Mine', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    role.addToPolicy(new iam.PolicyStatement({ sid: 'WriteLog', actions: ['logs:PutLogEvents'], resources: ['*'] }));
    drainHook({ role }, stack);
    const nomad = NomadAccess.http({ address: 'https://nomad.internal:4646', token: '/nomad/drain-token' });
    new NomadDrainHook(stack, 'Other', { groups: ['runners'], nomad, role });
    const template = Template.fromStack(stack);
    const [id] = Object.keys(resources(template, 'AWS::IAM::Role'));
    template.resourceCountIs('AWS::IAM::Role', 1);
    const policies = Object.values(resources(template, 'AWS::IAM::Policy'));
    const sids = policies.map(({ Properties: { PolicyDocument } }) =>
      PolicyDocument.Statement.flatMap(({ Sid }: Json) => Sid ?? []),
    );
    for (const each of sids) expect(each).toEqual([...new Set(each)]);
    expect(sids.filter((each) => each.includes('AnswerLifecycleHook'))).toHaveLength(2);
    for (const { Properties: properties } of policies) expect(properties.Roles).toEqual([{ Ref: id }]);
    for (const { Properties: properties, DependsOn: needs = [] } of Object.values(
      resources(template, 'AWS::Lambda::Function'),
    )) {
      expect(properties.Role).toEqual({ 'Fn::GetAtt': [id, 'Arn'] });
      expect(needs.some((each) => each.includes('RolePolicy'))).toBe(true);
    }
  });

  test('log group: the function logs there, and may', () => {
    const stack = emptyStack();
    const logGroup = new logs.LogGroup(stack, 'Mine');
    const template = templateOf({ logGroup }, stack);
    template.resourceCountIs('AWS::Logs::LogGroup', 1);
    const [id] = Object.keys(resources(template, 'AWS::Logs::LogGroup'));
    expect(drainFunction(template).Properties.LoggingConfig.LogGroup).toEqual({ Ref: id });
    expect(JSON.stringify(only(template, 'AWS::IAM::Policy'))).toContain(`{"Fn::GetAtt":["${id}","Arn"]}`);
  });

  test('key: it encrypts the queues and the log, and its policy admits who writes there', () => {
    const stack = emptyStack();
    const encryptionKey = new kms.Key(stack, 'Mine');
    const template = templateOf({ encryptionKey }, stack);
    const [id] = Object.keys(resources(template, 'AWS::KMS::Key'));
    const arn = { 'Fn::GetAtt': [id, 'Arn'] };
    expect(only(template, 'AWS::Logs::LogGroup').Properties.KmsKeyId).toEqual(arn);
    for (const { Properties: properties } of Object.values(resources(template, 'AWS::SQS::Queue'))) {
      expect(properties.KmsMasterKeyId).toEqual(arn);
      expect(properties.SqsManagedSseEnabled).toBeUndefined();
    }
    const services = only(template, 'AWS::KMS::Key')
      .Properties.KeyPolicy.Statement.map(({ Principal }: Json) => JSON.stringify(Principal.Service ?? ''))
      .join();
    expect(services).toContain('events.amazonaws.com');
    expect(services).toContain('"logs.",{"Ref":"AWS::Region"},".amazonaws.com"');
    // The function's role writes failed runs.
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([Match.objectLike({ Action: Match.arrayWith(['kms:Decrypt']), Resource: arn })]),
      },
    });
  });

  test('architecture, reserved concurrency and removal policy', () => {
    const template = templateOf({
      architecture: lambda.Architecture.X86_64,
      reservedConcurrentExecutions: 20,
      removalPolicy: RemovalPolicy.RETAIN,
      chooseIdleFirst: true,
    });
    for (const { Properties: properties } of Object.values(resources(template, 'AWS::Lambda::Function'))) {
      expect(properties.Architectures).toEqual(['x86_64']);
    }
    expect(drainFunction(template).Properties.ReservedConcurrentExecutions).toBe(20);
    for (const kind of ['AWS::Logs::LogGroup', 'AWS::SQS::Queue']) {
      for (const { DeletionPolicy: kept } of Object.values(resources(template, kind))) expect(kept).toBe('Retain');
    }
  });
});

describe('the construct gives', () => {
  test('those who may ask the alias alone, through which nothing is drained', () => {
    const stack = emptyStack();
    const hook = drainHook({}, stack);
    const people = new iam.Role(stack, 'People', { assumedBy: new iam.AccountRootPrincipal() });
    hook.grantQuery(people);
    const template = Template.fromStack(stack);
    const [alias, { Properties: properties }] = Object.entries(resources(template, 'AWS::Lambda::Alias'))[0]!;
    expect(properties).toMatchObject({ Name: 'query', FunctionVersion: '$LATEST' });
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: { Statement: [{ Action: 'lambda:InvokeFunction', Effect: 'Allow', Resource: { Ref: alias } }] },
      Roles: [{ Ref: Match.stringLikeRegexp('People') }],
    });
  });

  test('an error to who has no policy to put that into', () => {
    const hook = drainHook();
    expect(() => hook.grantQuery(new iam.ArnPrincipal('arn:aws:iam::111122223333:role/people'))).toThrow();
  });

  test('its metrics, of this function alone', () => {
    const stack = new Stack(undefined, 'Test');
    const hook = drainHook({}, stack);
    const dimensions = { service: 'nomad-drain-hook', FunctionName: hook.lambdaFunction.functionName };
    const metrics = [
      [hook.metric('Drained'), 'Drained', 'Sum'],
      [hook.metric('Forced', { statistic: 'Average' }), 'Forced', 'Average'],
      [hook.metricInstancesWaiting(), 'InstancesWaiting', 'Maximum'],
      [hook.metricOldestWait(), 'OldestWait', 'Maximum'],
      [hook.metricTimeToDrain({ statistic: 'p90' }), 'TimeToDrain', 'p90'],
      [hook.metricAllocationsKilled(), 'AllocationsKilled', 'Sum'],
    ] as const;
    for (const [metric, metricName, statistic] of metrics) {
      expect(metric).toMatchObject({ namespace: 'NomadDrainHook', metricName, statistic, dimensions });
    }
  });
});
