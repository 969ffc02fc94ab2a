import { beforeAll, describe, expect, test } from 'vitest';
import { PARAMETERS } from '../../bin/template/parameters.ts';
import { plainTemplate } from '../../bin/template/plain-template.ts';
import { standInsOf } from '../../bin/template/stand-ins.ts';
import { cdkContext, synthesized } from '../../bin/template/synthesis.ts';
import { CONFIG_VARIABLE, type Config, DEFAULT_POLICY, parseConfig } from '../../lambda/config.ts';
import { DEFAULT_HOOK } from '../../lib/props.ts';
import { readSettings } from '../../lib/settings.ts';
import type { Json } from '../lib/stacks.ts';
import { make, type ParameterValues } from './cloudformation.ts';

const REQUIRED = { NomadAddress: 'https://nomad.internal:4646', CodeBucket: 'code', CodeKey: 'drain.zip' };
const ONE = { ...REQUIRED, GroupNames: 'builders' };
const EVERYTHING = {
  ...REQUIRED,
  GroupNames: 'builders, runners,gpu.large',
  NomadTokenParameter: '/nomad/drain-token',
  NomadCaParameter: '/nomad/ca',
  SubnetIds: 'subnet-11111111,subnet-22222222',
  SecurityGroupIds: 'sg-11111111',
  DeadlineSeconds: '5400',
  KillMarginSeconds: '90',
  GraceSeconds: '45',
  IgnoreSystemJobs: 'true',
  OnTimeout: 'ABANDON',
  HookName: 'drain',
  HeartbeatTimeoutSeconds: '1200',
};

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
  HeartbeatTimeoutSeconds: (seconds) => ({ heartbeatTimeout: `${seconds}s` }),
  CodeBucket: () => ({}),
  CodeKey: () => ({}),
};

let template: Json;
beforeAll(() => {
  template = plainTemplate();
});

const made = (values: ParameterValues) => make(template, values).resources;
const ofType = (resources: Record<string, Json>, type: string): Json[] =>
  Object.values(resources).filter((resource) => resource.Type === type);
const configIn = (resources: Record<string, Json>): Config =>
  parseConfig(ofType(resources, 'AWS::Lambda::Function')[0].Properties.Environment.Variables[CONFIG_VARIABLE]);

/** What the CDK deploys for the same settings. */
function madeByCdk(values: ParameterValues): Record<string, Json> {
  const context = Object.assign({}, ...Object.entries(values).map(([name, value]) => AS_SETTING[name]!(value)));
  return make(synthesized(readSettings({ ...cdkContext, ...context }))).resources;
}

/**
 * The resources in a form that is the same for both, apart from these differences: where the code lies; that all groups share
 * the hook in the document; that each group has a policy of its own, named after it; how hooks are called in the template.
 */
function comparable(resources: Record<string, Json>, groups: string[]): Json {
  const all: Record<string, Json> = structuredClone(resources);
  const policies = Object.entries(all).filter(([, { Type: type }]) => type === 'AWS::IAM::Policy');
  const perGroup = policies.filter(
    ([
      ,
      {
        Properties: { PolicyName: name },
      },
    ]) => groups.includes(name),
  );
  const statements = policies.flatMap(
    ([
      ,
      {
        Properties: { PolicyDocument: document },
      },
    ]) => document.Statement,
  );
  const answers = statements.filter(({ Sid }) => Sid === 'AnswerLifecycleHook');
  const hooks = Object.entries(all).filter(([, { Type: type }]) => type === 'AWS::AutoScaling::LifecycleHook');
  for (const [id] of [...perGroup, ...hooks]) delete all[id];
  for (const resource of Object.values(all)) {
    resource.DependsOn?.sort();
    if (resource.Type === 'AWS::Lambda::Function') {
      delete resource.Properties.Code;
      resource.Properties.Environment = configIn(resources);
    }
    if (resource.Type === 'AWS::IAM::Policy') {
      resource.Properties.PolicyDocument.Statement = [
        ...statements.filter(({ Sid }) => Sid !== 'AnswerLifecycleHook'),
        { ...answers[0], Resource: answers.flatMap(({ Resource }) => Resource).toSorted() },
      ];
    }
  }
  const byGroup = hooks.map(([, hook]) => [
    hook.Properties.AutoScalingGroupName,
    { ...hook, DependsOn: hook.DependsOn.toSorted() },
  ]);
  return { ...all, hooks: Object.fromEntries(byGroup) };
}

describe('a template for those without the CDK makes what the CDK makes', () => {
  const without = (...names: string[]) =>
    Object.fromEntries(Object.entries(EVERYTHING).filter(([name]) => !names.includes(name)));
  test.each([
    ['with nothing but what is required', ONE],
    ['with everything, for three groups', EVERYTHING],
    ['without a token', without('NomadTokenParameter')],
    ['without a CA of its own', without('NomadCaParameter')],
    ['without both', without('NomadTokenParameter', 'NomadCaParameter')],
    ['outside of any VPC', without('SubnetIds', 'SecurityGroupIds')],
    ['inside a VPC with nothing else', { ...ONE, SubnetIds: 'subnet-11111111', SecurityGroupIds: 'sg-11111111' }],
  ])('%s', (_, values) => {
    const groups = values.GroupNames!.split(',').map((name) => name.trim());
    expect(comparable(made(values), groups)).toEqual(comparable(madeByCdk(values), groups));
  });

  test('and no setting is reckoned into it at build time, where nobody can change it', () => {
    const numbers = {
      HeartbeatTimeoutSeconds: 1811,
      DeadlineSeconds: 20_021,
      KillMarginSeconds: 311,
      GraceSeconds: 127,
    };
    expect(plainTemplate(standInsOf(numbers))).toEqual(template);
  });
});

describe('the function', () => {
  test('reads the configuration that the parameters say', () => {
    expect(configIn(made(EVERYTHING))).toEqual({
      groups: ['builders', 'runners', 'gpu.large'].map((name) => ({
        name,
        hook: 'drain',
        heartbeatTimeoutSeconds: 1200,
      })),
      nomad: {
        via: 'http',
        address: 'https://nomad.internal:4646',
        token: { parameter: '/nomad/drain-token' },
        ca: { parameter: '/nomad/ca' },
      },
      policy: {
        deadlineSeconds: 5400,
        killMarginSeconds: 90,
        graceSeconds: 45,
        ignoreSystemJobs: true,
        onTimeout: 'ABANDON',
      },
    });
  });

  test('reads the defaults where they say nothing', () => {
    const { groups, policy } = configIn(made(ONE));
    expect(policy).toEqual(DEFAULT_POLICY);
    const heartbeatTimeoutSeconds = DEFAULT_HOOK.heartbeatTimeout.toSeconds();
    expect(groups).toEqual([{ name: 'builders', hook: DEFAULT_HOOK.name, heartbeatTimeoutSeconds }]);
  });

  test('is what lies in the bucket, in the version named if one is', () => {
    const codeOf = (values: ParameterValues) => ofType(made(values), 'AWS::Lambda::Function')[0].Properties.Code;
    expect(codeOf(ONE)).toEqual({ S3Bucket: 'code', S3Key: 'drain.zip' });
    expect(codeOf({ ...ONE, CodeObjectVersion: 'v2' })).toEqual({
      S3Bucket: 'code',
      S3Key: 'drain.zip',
      S3ObjectVersion: 'v2',
    });
  });

  test('is told by its outputs', () => {
    const { resources, outputs } = make(template, ONE);
    expect(resources[outputs.FunctionName.Value.Ref].Type).toBe('AWS::Lambda::Function');
    expect(resources[outputs.LogGroupName.Value.Ref].Type).toBe('AWS::Logs::LogGroup');
  });
});

describe('a group', () => {
  test('has a hook, and the permission to answer it, each of its own', () => {
    const hooks = ofType(made(EVERYTHING), 'AWS::AutoScaling::LifecycleHook');
    expect(hooks.map(({ Properties: hook }) => hook.AutoScalingGroupName)).toEqual([
      'builders',
      'runners',
      'gpu.large',
    ]);
    expect(ofType(made(ONE), 'AWS::AutoScaling::LifecycleHook')).toHaveLength(1);
  });

  test('keeps its hook under the same id when another joins or leaves the list before it', () => {
    const idOf = (GroupNames: string, group: string) =>
      Object.entries(made({ ...ONE, GroupNames })).find(
        ([, { Properties }]) => Properties.AutoScalingGroupName === group,
      )?.[0];
    expect(idOf('builders,runners', 'runners')).toBe(idOf('runners', 'runners'));
  });

  test('is refused under a name that only its punctuation tells from another', () => {
    expect(() => made({ ...ONE, GroupNames: 'gpu-large,gpu.large' })).toThrow('gpularge is there twice');
  });
});

describe('the parameters', () => {
  test.each(Object.entries(PARAMETERS).filter(([, { Type }]) => Type === 'Number'))(
    '%s goes as far as the function takes it',
    (name, declared) => {
      for (const edge of [declared.MinValue!, declared.MaxValue!]) {
        expect(() => configIn(made({ ...ONE, [name]: String(edge) }))).not.toThrow();
        const past = edge === declared.MinValue ? edge - 1 : edge + 1;
        expect(() => made({ ...ONE, [name]: String(past) })).toThrow(`Parameter ${name} failed`);
        const wider = { ...template, Parameters: { ...PARAMETERS, [name]: { Type: 'Number' } } };
        expect(() => configIn(make(wider, { ...ONE, [name]: String(past) }).resources)).toThrow('is refused');
      }
    },
  );

  test.each([
    ['GroupNames', ['', 'a"b', 'a b', 'a:b', 'a\\']],
    ['NomadAddress', ['', 'nomad:4646', 'ftp://nomad', 'https://no"mad', 'https://no\\mad']],
    ['NomadTokenParameter', ['nomad-token', '/a b', '/a"']],
    ['NomadCaParameter', ['nomad-ca', '/a"']],
    ['HookName', ['', 'a b', 'a"']],
    ['SubnetIds', ['vpc-11111111', 'subnet-1,x']],
    ['SecurityGroupIds', ['subnet-11111111']],
    ['OnTimeout', ['continue', '']],
    ['IgnoreSystemJobs', ['yes', '']],
  ])('%s takes nothing that the function could not read', (name, wrong) => {
    for (const value of wrong) expect(() => made({ ...ONE, [name]: value })).toThrow(`Parameter ${name} failed`);
  });

  test('are all asked for somewhere, and described', () => {
    const asked = JSON.stringify([template.Resources, template.Conditions]);
    for (const [name, { Description }] of Object.entries(PARAMETERS)) {
      expect(asked.includes(`"Ref":"${name}"`) || asked.includes(`\${${name}}`)).toBe(true);
      expect(Description).toMatch(/\.$/);
    }
  });
});

describe('for CloudFormation the template', () => {
  test('has nothing of the CDK in it that an account without it lacks', () => {
    expect(Object.keys(template.Parameters)).toEqual(Object.keys(PARAMETERS));
    expect(template.Rules).toBeUndefined();
    expect(JSON.stringify(template)).not.toMatch(/cdk|bootstrap|stand-in/i);
  });

  test('fits into one request, whoever makes it', () => {
    expect(JSON.stringify(template, null, 2).length).toBeLessThan(51_200);
  });
});
