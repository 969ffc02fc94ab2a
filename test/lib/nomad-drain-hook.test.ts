import { Duration } from 'aws-cdk-lib';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { DefaultResult } from 'aws-cdk-lib/aws-autoscaling';
import * as logs from 'aws-cdk-lib/aws-logs';
import { describe, expect, test } from 'vitest';
import { DEFAULT_POLICY } from '../../lambda/core/model/policy.ts';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import type { OutsideEc2 } from '../../lib/access/outside-ec2.ts';
import { functionCode } from '../../lib/function/function-code.ts';
import { FUNCTION_TAG } from '../../lib/function/function-tag.ts';
import { configOf, environmentOf, only, problemsOf, type Resource, resources, templateOf } from './stacks.ts';

const RULE = 'AWS::Events::Rule';

const rulesWith = (template: Template, key: string) =>
  Object.values(resources(template, RULE)).filter((rule) => rule.Properties[key] !== undefined);

describe('the function', () => {
  test('is invoked by the termination of an instance of its groups that waits for its hook', () => {
    const [rule] = rulesWith(templateOf(), 'EventPattern');
    expect(rule!.Properties.EventPattern).toEqual({
      source: ['aws.autoscaling'],
      'detail-type': ['EC2 Instance-terminate Lifecycle Action'],
      detail: { AutoScalingGroupName: ['builders'], LifecycleHookName: ['nomad-drain'] },
    });
    expect(rule!.Properties.Targets[0].RetryPolicy).toEqual({
      MaximumRetryAttempts: 2,
      MaximumEventAgeInSeconds: 3600,
    });
  });

  test('is invoked every minute, and a sweep that could not be delivered is not repeated', () => {
    const [rule] = rulesWith(templateOf(), 'ScheduleExpression');
    expect(rule!.Properties.ScheduleExpression).toBe('rate(1 minute)');
    expect(rule!.Properties.Targets[0].RetryPolicy).toEqual({
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 60,
    });
  });

  test('alone of the stack has the tag by which the command line finds it', () => {
    const tagged = Object.values(resources(templateOf({ chooseIdleFirst: true }), 'AWS::Lambda::Function')).filter(
      ({ Properties: { Tags = [] } }) => Tags.some(({ Key }: { Key: string }) => Key === FUNCTION_TAG),
    );
    expect(tagged.map(({ Properties: { Timeout } }) => Timeout)).toEqual([67]);
  });

  test('runs the bundle on Node 24 and arm64, and ends before the next sweep begins', () => {
    const { Properties: properties } = only(templateOf(), 'AWS::Lambda::Function');
    expect(properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      Timeout: 67,
    });
  });

  test('may be called by each rule, and by nothing else', () => {
    const template = templateOf();
    const sources = Object.values(resources(template, 'AWS::Lambda::Permission')).map(
      ({ Properties: properties }) => properties.SourceArn['Fn::GetAtt'][0],
    );
    expect(sources.toSorted()).toEqual(Object.keys(resources(template, RULE)).toSorted());
  });

  test('has one environment variable, which it reads back as what was asked for', () => {
    const template = templateOf({
      nomad: NomadAccess.http({
        address: 'https://nomad.internal:4646',
        token: '/nomad/drain-token',
        ca: '/nomad/ca',
        region: 'eu',
        nodeMetaKey: 'instance',
        outsideEc2: { datacenters: ['onprem'], nodePools: ['office'] },
      }),
      policy: {
        deadline: Duration.hours(2),
        killMargin: Duration.minutes(1),
        grace: Duration.seconds(90),
        ignoreSystemJobs: true,
        onTimeout: DefaultResult.ABANDON,
      },
    });
    expect(Object.keys(environmentOf(template))).toEqual(['NOMAD_DRAIN_HOOK']);
    expect(configOf(template)).toEqual({
      groups: [
        {
          name: 'builders',
          hook: 'nomad-drain',
          heartbeatTimeoutSeconds: 1800,
          policy: {
            deadlineSeconds: 7200,
            killMarginSeconds: 60,
            graceSeconds: 90,
            ignoreSystemJobs: true,
            onTimeout: 'ABANDON',
            jobMeta: false,
          },
          notices: { spot: true, rebalance: 'off', maintenance: false, restoreSeconds: 3600 },
          chooses: { on: false, onlyIdle: false, onlyIdleForSeconds: 900 },
          admission: {
            on: false,
            hook: 'nomad-ready',
            heartbeatTimeoutSeconds: 300,
            readyTimeoutSeconds: 900,
            drivers: [],
            awaitSystemJobs: false,
          },
          purge: false,
        },
      ],
      nomad: {
        via: 'http',
        address: 'https://nomad.internal:4646',
        token: { parameter: '/nomad/drain-token' },
        ca: { parameter: '/nomad/ca' },
        region: 'eu',
        nodeMetaKey: 'instance',
        outsideEc2: { datacenters: ['onprem'], nodePools: ['office'] },
      },
      events: { bus: 'default' },
    });
  });

  test('is told of clients outside EC2 where any are named: the environment is small', () => {
    const http = (outsideEc2: OutsideEc2) => NomadAccess.http({ address: 'https://nomad.internal:4646', outsideEc2 });
    for (const way of [http, (outsideEc2: OutsideEc2) => NomadAccess.runCommand({ outsideEc2 })]) {
      const told = (outsideEc2: OutsideEc2) =>
        JSON.parse(environmentOf(templateOf({ nomad: way(outsideEc2) })).NOMAD_DRAIN_HOOK!).nomad.outsideEc2;
      expect(told({ nodePools: ['office'] })).toEqual({ nodePools: ['office'] });
      expect(told({ datacenters: [], nodePools: [] })).toBeUndefined();
      expect(problemsOf(() => told({ datacenters: ['onprem', ''] }))).toEqual([
        'nomad.outsideEc2.datacenters[1]: must not be empty [nomad-drain-hook:emptyText]',
      ]);
    }
  });

  test('has every default written into its configuration, where the template shows it', () => {
    const document = JSON.parse(environmentOf(templateOf()).NOMAD_DRAIN_HOOK!);
    expect(document.policy).toEqual(DEFAULT_POLICY);
  });

  test('has 320 MB, or what it is given; or is refused with too little', () => {
    const memoryOf = (props = {}) => only(templateOf(props), 'AWS::Lambda::Function').Properties.MemorySize;
    expect([memoryOf(), memoryOf({ memorySize: 1769 })]).toEqual([320, 1769]);
    const message = 'memorySize: must be a whole number from 256 to 10240';
    for (const memorySize of [255, 10_241, 320.5]) expect(() => templateOf({ memorySize })).toThrow(message);
  });

  test('cannot be made without the bundle, and the error says how to make that', () => {
    expect(() => functionCode('/nowhere')).toThrow('/nowhere/index.mjs is missing: run "npm run build" first');
  });
});

describe('what is lost on the way', () => {
  const deadLetterOf = (rule: Resource) => rule.Properties.Targets[0].DeadLetterConfig.Arn['Fn::GetAtt'][0];

  test('events that no rule could deliver go to one queue, failed runs to another', () => {
    const template = templateOf();
    const undelivered = new Set(Object.values(resources(template, RULE)).map(deadLetterOf));
    const invoke = only(template, 'AWS::Lambda::EventInvokeConfig').Properties;
    const failed = invoke.DestinationConfig.OnFailure.Destination['Fn::GetAtt'][0];
    expect(new Set([...undelivered, failed])).toEqual(new Set(Object.keys(resources(template, 'AWS::SQS::Queue'))));
    expect(undelivered.size).toBe(1);
    expect(undelivered).not.toContain(failed);
  });

  test('a failed run is not repeated beside the next sweep', () => {
    expect(only(templateOf(), 'AWS::Lambda::EventInvokeConfig').Properties).toMatchObject({
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 300,
    });
  });

  test('every queue is encrypted, refuses plain HTTP and keeps messages for two weeks', () => {
    const template = templateOf();
    template.resourceCountIs('AWS::SQS::Queue', 2);
    template.allResourcesProperties('AWS::SQS::Queue', {
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 1_209_600,
    });
    template.resourceCountIs('AWS::SQS::QueuePolicy', 2);
    template.allResourcesProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Action: 'sqs:*',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ]),
      },
    });
  });
});

describe('the log', () => {
  test('is kept for three months, or as long as asked, and goes with the stack', () => {
    const log = only(templateOf(), 'AWS::Logs::LogGroup');
    expect(log.Properties.RetentionInDays).toBe(90);
    expect(log.DeletionPolicy).toBe('Delete');
    const week = templateOf({ logRetention: logs.RetentionDays.ONE_WEEK });
    expect(only(week, 'AWS::Logs::LogGroup').Properties.RetentionInDays).toBe(7);
  });

  test('is the one that the function writes to', () => {
    const template = templateOf();
    const [id] = Object.keys(resources(template, 'AWS::Logs::LogGroup'));
    expect(only(template, 'AWS::Lambda::Function').Properties.LoggingConfig.LogGroup).toEqual({ Ref: id });
  });
});

test('nothing has a physical name but the hook, and the alarms after the stack, so that it can stand twice in one account', () => {
  const named = Object.values(templateOf().toJSON().Resources as Record<string, { Properties: object }>)
    .flatMap(({ Properties: properties }) => Object.keys(properties))
    .filter((key) => /^(Queue|Function|Rule|Role|LogGroup|LifecycleHook|Alarm|Dashboard|)Name$/.test(key));
  // Name: of the alias, which belongs to its function. FunctionName: the permissions and the invoke configuration refer to the function by it.
  expect(new Set(named)).toEqual(new Set(['AlarmName', 'FunctionName', 'LifecycleHookName', 'Name']));
  expect(only(templateOf(), 'AWS::Lambda::Function').Properties.FunctionName).toBeUndefined();
});
