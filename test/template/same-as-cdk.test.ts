import { beforeAll, describe, expect, test } from 'vitest';
import { plainTemplate } from '../../bin/template/plain-template.ts';
import { standInsOf } from '../../bin/template/stand-ins.ts';
import { cdkContext, synthesized } from '../../bin/template/synthesis.ts';
import { readSettings } from '../../lib/settings/settings.ts';
import type { Json } from '../lib/stacks.ts';
import { configIn, EVERYTHING, ONE, ofType } from './cases.ts';
import { make, type ParameterValues } from './cloudformation.ts';

/** How a parameter is called as a setting of the app, and how its value is written there. */
const AS_SETTING: Record<string, (value: string) => Record<string, string>> = {
  GroupNames: (groups) => ({ groups }),
  NomadAddress: (nomadAddress) => ({ nomadAddress }),
  NomadTokenParameter: (nomadToken) => ({ nomadToken }),
  NomadCaParameter: (nomadCa) => ({ nomadCa }),
  SubnetIds: (subnetIds) => ({ subnetIds, vpcId: 'vpc-11111111' }),
  SecurityGroupIds: (securityGroupIds) => ({ securityGroupIds }),
  DeadlineSeconds: (seconds) => ({ deadline: `${seconds}s` }),
  KillMarginSeconds: (seconds) => ({ killMargin: `${seconds}s` }),
  GraceSeconds: (seconds) => ({ grace: `${seconds}s` }),
  IgnoreSystemJobs: (ignoreSystemJobs) => ({ ignoreSystemJobs }),
  OnTimeout: (onTimeout) => ({ onTimeout }),
  HookName: (hookName) => ({ hookName }),
  HookDefaultResult: (hookDefaultResult) => ({ hookDefaultResult }),
  HeartbeatTimeoutSeconds: (seconds) => ({ heartbeatTimeout: `${seconds}s` }),
  AlarmTopicArn: (alarmTopic) => ({ alarmTopic }),
  // Reckoned by the CDK out of the two that it is the sum of.
  AlarmAfterSeconds: () => ({}),
  CodeBucket: () => ({}),
  CodeKey: () => ({}),
};

/** What the CDK deploys for the same settings. */
function madeByCdk(values: ParameterValues): Record<string, Json> {
  const context = Object.assign({}, ...Object.entries(values).map(([name, value]) => AS_SETTING[name]!(value)));
  return make(synthesized(readSettings({ ...cdkContext, ...context }))).resources;
}

/**
 * The resources without what may differ: where the code lies; that all groups share the hook in the document; what hooks are
 * called within the template, and the order of what has none; the order of a statement's resources, and whether one stands
 * in a list.
 */
function comparable(resources: Record<string, Json>): Json {
  const isHook = ({ Type: type }: Json) => type === 'AWS::AutoScaling::LifecycleHook';
  const hooks = Object.values(resources).filter(isHook);
  const others = Object.entries(resources).filter(([, resource]) => !isHook(resource));
  return {
    hooks: sorted(hooks.map((hook) => ({ ...hook, DependsOn: hook.DependsOn.toSorted() }))),
    others: Object.fromEntries(
      others.map(([id, { Properties: properties, DependsOn, ...rest }]) => [
        id,
        {
          ...rest,
          ...(DependsOn && { DependsOn: DependsOn.toSorted() }),
          Properties: withoutCode(properties, resources),
        },
      ]),
    ),
  };
}

const sorted = (items: Json[]) => items.map((item) => JSON.stringify(item)).toSorted();

function withoutCode(
  { Code: code, Environment: environment, PolicyDocument: document, ...properties }: Json,
  resources: Record<string, Json>,
): Json {
  const inLists = ({ Resource, ...statement }: Json) => ({ ...statement, Resource: sorted([Resource].flat()) });
  return {
    ...properties,
    ...(code && environment && { Environment: configIn(resources) }),
    ...(document && { PolicyDocument: { ...document, Statement: document.Statement.map(inLists) } }),
  };
}

describe('a template for those without the CDK makes what the CDK makes', () => {
  let template: Json;
  beforeAll(() => {
    template = plainTemplate();
  });
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
    ['outside of any VPC', without('SubnetIds', 'SecurityGroupIds')],
    ['inside a VPC with nothing else', { ...ONE, SubnetIds: 'subnet-11111111', SecurityGroupIds: 'sg-11111111' }],
  ])('%s', (_, values) => {
    const made = comparable(make(template, values).resources);
    expect(made).toEqual(comparable(madeByCdk(values)));
    expect(made.hooks.length).toBe(values.GroupNames!.split(',').length);
    expect(Object.keys(made.others).length).toBeGreaterThan(9);
  });

  test('leaving nothing out that only some settings bring', () => {
    const types = (resources: Record<string, Json>) => new Set(Object.values(resources).map(({ Type: type }) => type));
    expect(types(make(template, EVERYTHING).resources)).toEqual(types(madeByCdk(EVERYTHING)));
    expect(ofType(make(template, ONE).resources, 'AWS::Lambda::Function')[0].Properties.VpcConfig).toBeUndefined();
  });

  test('and no setting is reckoned into it at build time, where nobody can change it', () => {
    const numbers = {
      HeartbeatTimeoutSeconds: 1783,
      DeadlineSeconds: 20_021,
      KillMarginSeconds: 311,
      GraceSeconds: 127,
    };
    expect(plainTemplate(standInsOf(numbers))).toEqual(template);
  });
});
