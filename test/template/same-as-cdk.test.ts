import { describe, expect, test } from 'vitest';
import { CONFIG_VARIABLE, parseConfig } from '../../lambda/config/config.ts';
import { synthesized } from '../../scripts/synthesis.ts';
import type { Json } from '../lib/stacks.ts';
import { BY_CLIENTS, EVERYTHING, ONE, ofType } from './cases.ts';
import { type Made, make, type ParameterValues, readable } from './cloudformation.ts';
import { TEMPLATE } from './template.ts';

/** How a parameter is called as a setting of the app, and how its value is written there. */
const AS_SETTING: Record<string, (value: string) => Record<string, string>> = {
  GroupNames: (groups) => ({ groups }),
  NomadVia: (nomadVia) => ({ nomadVia }),
  NomadAddress: (nomadAddress) => ({ nomadAddress }),
  NomadClientScheme: (nomadClientScheme) => ({ nomadClientScheme }),
  NomadClientPort: (nomadClientPort) => ({ nomadClientPort }),
  NomadServerName: (nomadServerName) => ({ nomadServerName }),
  NomadTokenParameter: (nomadTokenParameter) => ({ nomadTokenParameter }),
  NomadCaParameter: (nomadCaParameter) => ({ nomadCaParameter }),
  OutsideEc2Datacenters: (outsideEc2Datacenters) => ({ outsideEc2Datacenters }),
  OutsideEc2NodePools: (outsideEc2NodePools) => ({ outsideEc2NodePools }),
  SubnetIds: (subnetIds) => ({ subnetIds, vpcId: 'vpc-11111111' }),
  SecurityGroupIds: (securityGroupIds) => ({ securityGroupIds }),
  DeadlineSeconds: (seconds) => ({ deadline: `${seconds}s` }),
  KillMarginSeconds: (seconds) => ({ killMargin: `${seconds}s` }),
  GraceSeconds: (seconds) => ({ grace: `${seconds}s` }),
  IgnoreSystemJobs: (ignoreSystemJobs) => ({ ignoreSystemJobs }),
  OnTimeout: (onTimeout) => ({ onTimeout }),
  JobMeta: (jobMeta) => ({ jobMeta }),
  SpotInterruptions: (spotInterruptions) => ({ spotInterruptions }),
  RebalanceRecommendations: (rebalanceRecommendations) => ({ rebalanceRecommendations }),
  ScheduledMaintenance: (scheduledMaintenance) => ({ scheduledMaintenance }),
  RestoreAfterSeconds: (seconds) => ({ restoreAfter: `${seconds}s` }),
  PurgeNodes: (purgeNodes) => ({ purgeNodes }),
  ChooseIdleFirst: (chooseIdleFirst) => ({ chooseIdleFirst }),
  OnlyIdleForSeconds: (seconds) => ({ onlyIdleFor: `${seconds}s` }),
  AdmitWhenReady: (admitWhenReady) => ({ admitWhenReady }),
  ReadyTimeoutSeconds: (seconds) => ({ readyTimeout: `${seconds}s` }),
  Drivers: (drivers) => ({ drivers }),
  AwaitSystemJobs: (awaitSystemJobs) => ({ awaitSystemJobs }),
  LaunchHookName: (launchHookName) => ({ launchHookName }),
  HookName: (hookName) => ({ hookName }),
  HookDefaultResult: (hookDefaultResult) => ({ hookDefaultResult }),
  HeartbeatTimeoutSeconds: (seconds) => ({ heartbeatTimeout: `${seconds}s` }),
  AlarmTopicArn: (alarmTopic) => ({ alarmTopic }),
  RunbookUrl: (runbookUrl) => ({ runbookUrl }),
  CodeBucket: () => ({}),
  CodeKey: () => ({}),
};

/** What the CDK deploys for the same settings. */
function madeByCdk(values: ParameterValues): Made {
  const settings = Object.entries(values).map(([name, value]) => AS_SETTING[name]!(value));
  return readable(make(synthesized(Object.assign({}, ...settings))), (type) => SUFFIXES[type] ?? '');
}

/** What an id of this type ends in, where what the CDK has of it would not say enough. */
const SUFFIXES: Record<string, string> = {
  'AWS::SQS::Queue': 'Queue',
  'AWS::Events::Rule': 'Rule',
  'AWS::Lambda::Permission': 'Permission',
  'AWS::CloudWatch::Alarm': 'Alarm',
  'AWS::Lambda::Alias': 'Alias',
};

/**
 * The resources without what may differ: where the code lies; how a JSON
 * document is spaced; what hooks are called within the template, and the order of what has none; the order of a statement's
 * resources, whether one stands in a list, and the name that the CDK makes up for a statement.
 */
function comparable(resources: Record<string, Json>): Json {
  const isHook = ({ Type: type }: Json) => type === 'AWS::AutoScaling::LifecycleHook';
  const hooks = Object.values(resources).filter(isHook);
  const others = Object.entries(resources).filter(([, resource]) => !isHook(resource));
  return {
    hooks: byGroup(hooks.map((hook) => ({ ...hook, DependsOn: hook.DependsOn.toSorted() }))),
    others: Object.fromEntries(
      others.map(([id, { Properties: properties, DependsOn, ...rest }]) => [
        id,
        {
          ...rest,
          ...(DependsOn && { DependsOn: DependsOn.toSorted() }),
          Properties: withoutCode(properties),
        },
      ]),
    ),
  };
}

const byGroup = (hooks: Json[]) => hooks.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
const nameOf = ({ Properties: { AutoScalingGroupName: group, LifecycleHookName: name } }: Json) => `${group} ${name}`;
const sorted = (items: Json[]) => items.map((item) => JSON.stringify(item)).toSorted();

function withoutCode({
  Code: code,
  Environment: environment,
  PolicyDocument: document,
  DashboardBody: dashboard,
  ...properties
}: Json): Json {
  const inLists = ({ Resource, Sid, ...statement }: Json) => ({
    ...statement,
    ...(Sid && { Sid }),
    Resource: sorted([Resource].flat()),
  });
  return {
    ...properties,
    ...(code && environment && { Environment: parseConfig(environment.Variables[CONFIG_VARIABLE]) }),
    ...(dashboard && { DashboardBody: JSON.parse(dashboard) }),
    ...(document && { PolicyDocument: { ...document, Statement: document.Statement.map(inLists) } }),
  };
}

/** No setting is fixed where nobody can change it. */
const OTHER_NUMBERS = {
  DeadlineSeconds: '20021',
  KillMarginSeconds: '311',
  GraceSeconds: '127',
  RestoreAfterSeconds: '3607',
  OnlyIdleForSeconds: '1207',
  ReadyTimeoutSeconds: '1501',
  HeartbeatTimeoutSeconds: '1783',
};

describe('a template for those without the CDK makes what the CDK makes', () => {
  const without = (...names: string[]): ParameterValues =>
    Object.fromEntries(Object.entries(EVERYTHING).filter(([name]) => !names.includes(name)));

  test.each<[string, ParameterValues]>([
    ['with nothing but what is required', ONE],
    ['with everything, for three groups', EVERYTHING],
    ['without a token', without('NomadTokenParameter')],
    ['without a CA of its own', without('NomadCaParameter')],
    ['without both', without('NomadTokenParameter', 'NomadCaParameter')],
    [
      'with a hook that ends a lapsed wait otherwise than the function',
      { ...EVERYTHING, HookDefaultResult: 'CONTINUE' },
    ],
    ['with clients outside EC2, by datacenter alone', { ...ONE, OutsideEc2Datacenters: 'onprem' }],
    ['with clients outside EC2, by node pool alone', without('OutsideEc2Datacenters')],
    ['through the clients of the groups', BY_CLIENTS],
    [
      'through the clients of the groups, with everything that goes with it',
      {
        ...without('NomadAddress'),
        NomadVia: 'clients',
        NomadClientScheme: 'https',
        NomadClientPort: '4650',
        NomadServerName: 'client.global.nomad',
      },
    ],
    ['outside of any VPC', without('SubnetIds', 'SecurityGroupIds')],
    ['that does nothing before an instance goes but at its lifecycle event', { ...ONE, SpotInterruptions: 'false' }],
    ['that drains where EC2 recommends it', { ...ONE, RebalanceRecommendations: 'drain' }],
    [
      'that cordons where EC2 recommends it',
      { ...ONE, RebalanceRecommendations: 'cordon', RestoreAfterSeconds: '900' },
    ],
    ['that drains before maintenance', { ...ONE, ScheduledMaintenance: 'true', RestoreAfterSeconds: '60' }],
    ['that removes dead nodes', { ...ONE, PurgeNodes: 'true' }],
    ['that lets groups ask which instances go', { ...ONE, ChooseIdleFirst: 'true' }],
    ['that puts instances into service when they are ready', { ...ONE, AdmitWhenReady: 'true' }],
    ['with other numbers', { ...EVERYTHING, ...OTHER_NUMBERS }],
    ['inside a VPC with nothing else', { ...ONE, SubnetIds: 'subnet-11111111', SecurityGroupIds: 'sg-11111111' }],
  ])('%s', (_, values) => {
    const made = comparable(make(TEMPLATE, values).resources);
    expect(made).toEqual(comparable(madeByCdk(values).resources));
    expect(made.hooks.length).toBe(values.GroupNames!.split(',').length * (values.AdmitWhenReady ? 2 : 1));
    expect(Object.keys(made.others).length).toBeGreaterThan(9);
  });

  test.each([ONE, EVERYTHING])('with the same outputs, word for word', (values) => {
    const told = ({ outputs }: Made) =>
      Object.fromEntries(
        Object.entries(outputs).map(([id, { Description, Value }]) => {
          const description = id.startsWith('WhoGoes') ? undefined : Description;
          return [id, { description, value: Value }];
        }),
      );
    expect(told(make(TEMPLATE, values))).toEqual(told(madeByCdk(values)));
  });

  test('with commands that make groups ask which instances go, and take it back', () => {
    const commands = ({ outputs }: Made) => [outputs.WhoGoesAsk?.Value, outputs.WhoGoesAskNoMore?.Value];
    expect(commands(make(TEMPLATE, EVERYTHING))).toEqual([
      expect.stringContaining("for group in 'builders' 'runners' 'gpu.large'; do aws autoscaling"),
      expect.stringContaining('--termination-policies Default;'),
    ]);
    expect(commands(make(TEMPLATE, ONE))).toEqual([undefined, undefined]);
  });

  test('leaving nothing out that only some settings bring', () => {
    const types = (resources: Record<string, Json>) => new Set(Object.values(resources).map(({ Type: type }) => type));
    expect(types(make(TEMPLATE, EVERYTHING).resources)).toEqual(types(madeByCdk(EVERYTHING).resources));
    expect(ofType(make(TEMPLATE, ONE).resources, 'AWS::Lambda::Function')[0].Properties.VpcConfig).toBeUndefined();
  });
});
