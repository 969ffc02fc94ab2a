import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DEFAULT_RESTORE_SECONDS, type GroupConfig, LAUNCH_HOOK } from '../../lambda/config/config.ts';
import { DEFAULT_ADMISSION, DEFAULT_POLICY } from '../../lambda/core/model/policy.ts';
import { TEST_EVENTS } from '../../lib/function/console-test-events.ts';
import { DEFAULT_HOOK } from '../../lib/props.ts';
import { BY_CLIENTS, configIn, EVERYTHING, ONE, ofType } from './cases.ts';
import { make, type ParameterValues } from './cloudformation.ts';
import { PARAMETERS, TEMPLATE, TEXT } from './template.ts';

const made = (values: ParameterValues) => make(TEMPLATE, values).resources;

describe('the function', () => {
  test('reads the configuration that the parameters say', () => {
    expect(configIn(made(EVERYTHING))).toEqual({
      events: { bus: 'default' },
      groups: ['builders', 'runners', 'gpu.large'].map((name) => ({
        name,
        hook: 'drain',
        heartbeatTimeoutSeconds: 1790,
        policy: {
          deadlineSeconds: 5400,
          killMarginSeconds: 90,
          graceSeconds: 45,
          ignoreSystemJobs: true,
          onTimeout: 'ABANDON',
          jobMeta: true,
        },
        notices: { spot: true, rebalance: 'cordon', maintenance: true, restoreSeconds: 1800 },
        chooses: { on: true, onlyIdle: true, onlyIdleForSeconds: 1200 },
        admission: {
          on: true,
          hook: 'ready',
          heartbeatTimeoutSeconds: LAUNCH_HOOK.heartbeatTimeoutSeconds,
          readyTimeoutSeconds: 1500,
          drivers: ['docker', 'exec'],
          awaitSystemJobs: true,
        },
        purge: true,
      })),
      nomad: {
        via: 'http',
        address: 'https://nomad.internal:4646',
        token: { parameter: '/nomad/drain-token' },
        ca: { parameter: '/nomad/ca' },
        serverName: 'server.global.nomad',
        outsideEc2: { datacenters: ['onprem', 'office'], nodePools: ['macs'] },
      },
    });
  });

  test('reads the defaults where they say nothing', () => {
    const { groups, nomad } = configIn(made(ONE));
    const [{ policy, notices, purge, chooses, admission, ...group }] = groups as [GroupConfig];
    expect(nomad.outsideEc2).toEqual({ datacenters: [], nodePools: [] });
    expect(chooses).toMatchObject({ on: false, onlyIdle: false });
    expect(notices).toEqual({
      spot: true,
      rebalance: 'off',
      maintenance: false,
      restoreSeconds: DEFAULT_RESTORE_SECONDS,
    });
    const { name: hook, ...launchHook } = LAUNCH_HOOK;
    expect(admission).toEqual({ on: false, hook, ...launchHook, ...DEFAULT_ADMISSION });
    expect(purge).toBe(false);
    expect(policy).toEqual(DEFAULT_POLICY);
    const heartbeatTimeoutSeconds = DEFAULT_HOOK.heartbeatTimeout.toSeconds();
    expect(group).toEqual({ name: 'builders', hook: DEFAULT_HOOK.name, heartbeatTimeoutSeconds });
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

  test('is told by its outputs, with the command that asks it and the dashboard', () => {
    const { resources, outputs } = make(TEMPLATE, ONE);
    expect(resources[outputs.FunctionName.Value.Ref].Type).toBe('AWS::Lambda::Function');
    expect(resources[outputs.LogGroupName.Value.Ref].Type).toBe('AWS::Logs::LogGroup');
    const [, region, name, payload] =
      /^aws lambda invoke --region (\S+) --function-name (\S+) --cli-binary-format raw-in-base64-out --payload '(.*)' \S+$/.exec(
        outputs.StatusCommand.Value,
      ) ?? [];
    expect([region, name]).toEqual(['eu-west-1', expect.stringMatching(/^\$\{Function\}:query$/)]);
    expect(JSON.parse(payload!)).toEqual(TEST_EVENTS.status);
    const url = new URL(outputs.DashboardUrl.Value);
    expect(url.host).toBe('console.aws.amazon.com');
    expect(url.searchParams.get('region')).toBe('eu-west-1');
    expect(url.hash).toMatch(/^#dashboards\/dashboard\/\$\{Dashboard\}$/);
  });
});

describe('a group', () => {
  test('has a hook, and one for instances on their way in only if these have to be ready', () => {
    const hooksOf = (values: ParameterValues) =>
      ofType(made(values), 'AWS::AutoScaling::LifecycleHook').map(({ Properties: hook }) => [
        hook.AutoScalingGroupName,
        hook.LifecycleTransition,
        hook.DefaultResult,
      ]);
    const leaving = (group: string, result: string) => [group, 'autoscaling:EC2_INSTANCE_TERMINATING', result];
    // A function that is broken must not stop a fleet from growing.
    const coming = (group: string) => [group, 'autoscaling:EC2_INSTANCE_LAUNCHING', 'CONTINUE'];
    const groups = ['builders', 'runners', 'gpu.large'];
    expect(hooksOf(EVERYTHING)).toEqual([...groups.map((group) => leaving(group, 'ABANDON')), ...groups.map(coming)]);
    expect(hooksOf(ONE)).toEqual([leaving('builders', 'CONTINUE')]);
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
  const numbers = Object.entries(PARAMETERS).filter(([, { Type }]) => Type === 'Number');
  test.each(numbers)('%s goes as far as the function takes it', (name, declared) => {
    const given = name === 'NomadClientPort' ? BY_CLIENTS : ONE;
    for (const edge of [declared.MinValue!, declared.MaxValue!]) {
      expect(() => configIn(made({ ...given, [name]: String(edge) }))).not.toThrow();
      const past = edge === declared.MinValue ? edge - 1 : edge + 1;
      expect(() => made({ ...given, [name]: String(past) })).toThrow(`Parameter ${name} failed`);
      const wider = { ...TEMPLATE, Parameters: { ...PARAMETERS, [name]: { Type: 'Number' } } };
      expect(() => configIn(make(wider, { ...given, [name]: String(past) }).resources)).toThrow('is refused');
    }
  });

  test.each([
    ['GroupNames', ['', 'a"b', 'a b', 'a:b', 'a\\']],
    [
      'NomadAddress',
      [
        'nomad:4646',
        'ftp://nomad',
        'https://no"mad',
        'https://no\\mad',
        'https://u:p@n',
        'https://n/a',
        'https://n?a',
        'https://n#a',
        'HTTPS://n',
      ],
    ],
    ['NomadTokenParameter', ['nomad-token', '/a b', '/a"', '3e2a7f0c-5b1d-4c8e-9f6a-0d1b2c3d4e5f']],
    ['NomadCaParameter', ['nomad-ca', '/a"', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----']],
    ['OutsideEc2Datacenters', ['a"', 'a b', 'a\\', 'a,,b']],
    ['OutsideEc2NodePools', ['a"', 'a b', 'a\\', 'a,']],
    ['NomadVia', ['ssm', '']],
    ['NomadClientScheme', ['tcp', '']],
    ['NomadServerName', ['a"', 'a b', 'a\\', '.a']],
    ['HookName', ['', 'a b', 'a"']],
    ['SubnetIds', ['vpc-11111111', 'subnet-1,x']],
    ['SecurityGroupIds', ['subnet-11111111']],
    ['OnTimeout', ['continue', '']],
    ['HookDefaultResult', ['continue']],
    ['IgnoreSystemJobs', ['yes', '']],
    ['JobMeta', ['yes', '']],
    ['SpotInterruptions', ['yes', '']],
    ['RebalanceRecommendations', ['off', 'true']],
    ['ScheduledMaintenance', ['yes', '']],
    ['PurgeNodes', ['yes', '']],
    ['ChooseIdleFirst', ['yes', '']],
    ['AdmitWhenReady', ['yes', '']],
    ['Drivers', ['docker exec', 'a"', 'docker,', ',']],
    ['AwaitSystemJobs', ['yes', '']],
    ['LaunchHookName', ['', 'a b', 'a"']],
  ])('%s takes nothing that the function could not read', (name, wrong) => {
    for (const value of wrong) expect(() => made({ ...ONE, [name]: value })).toThrow(`Parameter ${name} failed`);
  });

  const { SubnetIds: _, ...outside } = BY_CLIENTS;
  test.each<[string, ParameterValues]>([
    ['NomadAddress is missing: NomadVia=http needs it.', { ...ONE, NomadAddress: '' }],
    ['NomadAddress has no meaning with NomadVia=clients.', { ...ONE, ...BY_CLIENTS }],
    ['SubnetIds are missing: the private addresses of Nomad clients', outside],
    [
      'LaunchHookName must differ from HookName.',
      { ...ONE, AdmitWhenReady: 'true', HookName: 'drain', LaunchHookName: 'drain' },
    ],
  ])('that do not fit each other are refused before anything is made: %s', (says, values) => {
    expect(() => made(values)).toThrow(says);
    expect(() => made(BY_CLIENTS)).not.toThrow();
  });

  test('are listed in docs/without-cdk.md as they are', () => {
    const page = readFileSync(new URL('../../docs/without-cdk.md', import.meta.url), 'utf8');
    const defaultOf = (value: string | number | undefined) =>
      value === undefined ? 'required' : value === '' ? 'none' : `\`${value}\``;
    const rows = Object.entries(PARAMETERS).map(
      ([name, { Default, Description }]) => `| \`${name}\` | ${defaultOf(Default)} | ${Description} |`,
    );
    expect([...page.matchAll(/^\| `\w+` .*$/gm)].map(([row]) => row)).toEqual(rows);
  });

  test('are all asked for somewhere, and described', () => {
    const asked = JSON.stringify([TEMPLATE.Resources, TEMPLATE.Conditions]);
    for (const [name, { Description }] of Object.entries(PARAMETERS)) {
      expect(asked.includes(`"Ref":"${name}"`) || asked.includes(`\${${name}}`)).toBe(true);
      expect(Description).toMatch(/\.$/);
    }
  });
});

describe('for CloudFormation the template', () => {
  test('has nothing of the CDK in it that an account without it lacks', () => {
    expect(Object.keys(TEMPLATE.Rules)).toEqual(['Address', 'Clients', 'Admission']);
    expect(JSON.stringify(TEMPLATE)).not.toMatch(/cdk|bootstrap/i);
  });

  test('lists in the console every parameter under a heading, in the order in which it declares them', () => {
    const { ParameterGroups: headings } = TEMPLATE.Metadata['AWS::CloudFormation::Interface'];
    expect(headings.flatMap(({ Parameters: names }: { Parameters: string[] }) => names)).toEqual(
      Object.keys(PARAMETERS),
    );
  });

  test('fits into the bucket that the script uploads it to first: as a file it would be too large', () => {
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    expect(Buffer.byteLength(TEXT)).toBeLessThan(1_000_000);
    const script = readFileSync(new URL('../../deploy/cloudformation/deploy.sh', import.meta.url), 'utf8');
    expect(script).toContain('--s3-bucket "$BUCKET"');
  });
});
