import { Duration } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { httpDocument } from '../../lib/access/nomad-access.ts';
import { NomadDrainHookStack } from '../../lib/settings/nomad-drain-hook-stack.ts';
import { readSettings } from '../../lib/settings/settings.ts';
import { cdkContext, configOf, drainFunction, makeApp, only, problemsOf, thrownProblems } from './stacks.ts';

const required = { groups: 'builders', nomadAddress: 'https://nomad.internal:4646' };
const problems = (context: Record<string, unknown>) => problemsOf(() => readSettings({ ...cdkContext, ...context }));

function templateWith(context: Record<string, unknown>): Template {
  const app = makeApp(context);
  return Template.fromStack(new NomadDrainHookStack(app, 'Test', readSettings(app.node.getAllContext())));
}

describe('the settings', () => {
  test('that are required suffice', () => {
    const config = configOf(templateWith(required));
    expect(config.groups.map((group) => group.name)).toEqual(['builders']);
    expect(config.nomad).toEqual({
      via: 'http',
      address: 'https://nomad.internal:4646',
      outsideEc2: { datacenters: [], nodePools: [] },
    });
  });

  test('all reach the function', () => {
    const template = templateWith({
      groups: 'builders, runners',
      nomadAddress: 'https://nomad.internal:4646',
      nomadTokenParameter: '/nomad/token',
      nomadCaParameter: '/nomad/ca',
      nomadRegion: 'eu',
      nomadNodeMetaKey: 'instance',
      outsideEc2Datacenters: 'onprem, office',
      outsideEc2NodePools: 'macs',
      hookName: 'drain',
      heartbeatTimeout: '20m',
      deadline: '1h30m',
      killMargin: '90s',
      grace: '45s',
      ignoreSystemJobs: 'true',
      onTimeout: 'ABANDON',
      jobMeta: 'true',
      spotInterruptions: 'false',
      rebalanceRecommendations: 'cordon',
      scheduledMaintenance: 'true',
      restoreAfter: '30m',
      purgeNodes: 'true',
      chooseIdleFirst: 'true',
      onlyIdleFor: '20m',
      admitWhenReady: 'true',
      readyTimeout: '20m',
      drivers: 'docker, exec',
      awaitSystemJobs: 'true',
      launchHookName: 'ready',
      memorySize: '512',
      vpcId: 'vpc-11111111',
      subnetIds: 'subnet-11111111,subnet-22222222',
      securityGroupIds: 'sg-11111111',
      alarmTopic: 'arn:aws:sns:eu-west-1:111122223333:on-call',
      eventBus: 'builds',
      stackName: 'drain-builders',
    });
    expect(configOf(template)).toEqual({
      groups: ['builders', 'runners'].map((name) => ({
        name,
        hook: 'drain',
        heartbeatTimeoutSeconds: 1200,
        policy: {
          deadlineSeconds: 5400,
          killMarginSeconds: 90,
          graceSeconds: 45,
          ignoreSystemJobs: true,
          onTimeout: 'ABANDON',
          jobMeta: true,
        },
        notices: { spot: false, rebalance: 'cordon', maintenance: true, restoreSeconds: 1800 },
        chooses: { on: true, onlyIdle: true, onlyIdleForSeconds: 1200 },
        admission: {
          on: true,
          hook: 'ready',
          heartbeatTimeoutSeconds: 300,
          readyTimeoutSeconds: 1200,
          drivers: ['docker', 'exec'],
          awaitSystemJobs: true,
        },
        purge: true,
      })),
      nomad: {
        via: 'http',
        address: 'https://nomad.internal:4646',
        region: 'eu',
        nodeMetaKey: 'instance',
        outsideEc2: { datacenters: ['onprem', 'office'], nodePools: ['macs'] },
        token: { parameter: '/nomad/token' },
        ca: { parameter: '/nomad/ca' },
      },
      events: { bus: 'builds' },
    });
    template.allResourcesProperties('AWS::CloudWatch::Alarm', {
      AlarmActions: ['arn:aws:sns:eu-west-1:111122223333:on-call'],
    });
    expect(drainFunction(template).Properties.MemorySize).toBe(512);
    expect(drainFunction(template).Properties.VpcConfig).toEqual({
      SubnetIds: ['subnet-11111111', 'subnet-22222222'],
      SecurityGroupIds: ['sg-11111111'],
    });
  });

  test('say what a ready node is only where instances wait for that, in some group', () => {
    const needs = (path: string) => `${path}: needs admitWhenReady=true`;
    expect(problems({ ...required, readyTimeout: '20m', drivers: 'docker', awaitSystemJobs: true })).toEqual([
      needs('readyTimeout'),
      needs('drivers'),
      needs('awaitSystemJobs'),
    ]);
    const groups = [{ group: 'web', admitWhenReady: true, drivers: 'docker' }];
    expect(problems({ ...required, groups, readyTimeout: '20m' })).toEqual([]);
    expect(problems({ ...required, groups: [{ group: 'web', drivers: 'docker' }] })).toEqual([
      needs('groups[0].drivers'),
    ]);
    expect(problems({ ...required, admitWhenReady: true, readyTimeout: '59s' })).toEqual([
      'readyTimeout: 59s is less than the 1 min a ready timeout must be [nomad-drain-hook:readyTimeoutOutOfRange]',
    ]);
    expect(problems({ ...required, admitWhenReady: true, launchHookName: 'nomad-drain' })).toEqual([
      'launchHookName: must differ from the terminating hook of group builders: nomad-drain [nomad-drain-hook:hookName]',
    ]);
  });

  test('say when nodes are restored only where something is: after a recommendation, or after maintenance', () => {
    const restoreAfter = '30m';
    const why = expect.stringMatching(/^restoreAfter: needs rebalanceRecommendations or scheduledMaintenance=true/);
    expect(problems({ ...required, restoreAfter })).toEqual([why]);
    expect(problems({ ...required, restoreAfter, scheduledMaintenance: 'false' })).toEqual([why]);
    expect(problems({ ...required, restoreAfter, scheduledMaintenance: false })).toEqual([why]);
    expect(problems({ ...required, restoreAfter, scheduledMaintenance: true })).toEqual([]);
    expect(problems({ ...required, restoreAfter, rebalanceRecommendations: 'drain' })).toEqual([]);
    const wrong = { rebalanceRecommendations: 'ignore', scheduledMaintenance: 'soon', restoreAfter: '8d' };
    expect(problems({ ...required, ...wrong }).map((problem) => problem.split(':')[0])).toEqual([
      'rebalanceRecommendations',
      'scheduledMaintenance',
      'restoreAfter',
    ]);
    expect(problems({ ...required, rebalanceRecommendations: 'cordon', restoreAfter: '59s' })).toEqual([
      'restoreAfter: 59s is less than the 1 min a time before a node is restored must be [nomad-drain-hook:restoreOutOfRange]',
    ]);
  });

  test('say how a wait ends that lapses: as onTimeout, unless told otherwise', () => {
    const resultWith = (context: object) =>
      only(templateWith({ ...required, ...context }), 'AWS::AutoScaling::LifecycleHook').Properties.DefaultResult;
    expect(resultWith({})).toBe('CONTINUE');
    expect(resultWith({ onTimeout: 'ABANDON' })).toBe('ABANDON');
    expect(resultWith({ onTimeout: 'ABANDON', hookDefaultResult: 'CONTINUE' })).toBe('CONTINUE');
  });

  test('may stand in cdk.json as lists and truth values', () => {
    const settings = readSettings({ ...required, groups: ['builders', 'runners'], ignoreSystemJobs: false });
    expect(settings.groups).toEqual(['builders', 'runners']);
    expect(settings.policy.ignoreSystemJobs).toBe(false);
  });

  test.each([
    ['6h', Duration.hours(6)],
    ['30m', Duration.minutes(30)],
    ['90s', Duration.seconds(90)],
    ['1h30m', Duration.minutes(90)],
  ])('understand the duration %s', (text, duration) => {
    expect(readSettings({ ...required, deadline: text }).policy.deadline?.toSeconds()).toBe(duration.toSeconds());
  });

  test.each(['', '6', 'h', '6 hours', '30m1h', '-1h', '1.5h'])('refuse the duration "%s"', (text) => {
    expect(problems({ ...required, deadline: text })).toEqual([
      `deadline: must be a duration like 6h, 30m, 90s or 1h30m, not "${text}"`,
    ]);
  });

  test.each([
    ['killMargin', '3h', '3h is more than the 2 h a kill margin may be [nomad-drain-hook:killMarginOutOfRange]'],
    [
      'killMargin',
      '10800s',
      '10800s is more than the 2 h a kill margin may be [nomad-drain-hook:killMarginOutOfRange]',
    ],
    ['deadline', '49h', '49h is more than the 48 h a deadline may be [nomad-drain-hook:deadlineOutOfRange]'],
    ['deadline', '0s', '0s is less than the 1 s a deadline must be [nomad-drain-hook:deadlineOutOfRange]'],
    ['heartbeatTimeout', '20s', expect.stringMatching(/^20s is less than the 30 s a heartbeat timeout must be /)],
    ['deadline', '48h', expect.stringMatching(/^48 h is more than the 47 h 50 min that the hook can hold: /)],
  ])('refuse a %s of %s once, in its own words', (name, written, why) => {
    const [problem, ...others] = problems({ ...required, [name]: written });
    expect(others).toEqual([]);
    expect(problem?.split(/: (.*)/s)).toEqual([name, why, '']);
  });

  test('say how Nomad is reached, and what does not fit together is named as the settings it is', () => {
    const tls = {
      nomadCaParameter: '/ca',
      nomadClientCertificateParameter: '/c',
      nomadClientKeyParameter: '/k',
      nomadServerName: 'server.global.nomad',
    };
    const { nomad } = readSettings({
      ...required,
      ...tls,
      nomadLogin: 'aws',
      nomadFallbackAddresses: 'https://b,https://c',
    });
    expect(nomad).toMatchObject({
      ca: '/ca',
      clientCertificate: '/c',
      clientKey: '/k',
      serverName: 'server.global.nomad',
      login: { authMethod: 'aws' },
      fallbackAddresses: ['https://b', 'https://c'],
    });
    const wrong = {
      nomadTokenParameter: '/t',
      nomadLogin: 'aws',
      nomadClientKeyParameter: '/k',
      nomadFallbackAddresses: 'http://b',
    };
    expect(problems({ ...required, ...wrong }).map((problem) => problem.split(':')[0])).toEqual([
      'nomadLogin',
      'nomadClientCertificateParameter',
      'nomadFallbackAddresses[0]',
    ]);
    expect(problems({ ...required, nomadAudience: 'x' })).toEqual([
      'nomadAudience: belongs to nomadLogin, which is missing',
    ]);
  });

  test('may have Nomad asked on instances: nothing of HTTP is needed then, and nothing is accepted', () => {
    const template = templateWith({
      groups: 'builders',
      nomadVia: 'ssm',
      nomadGateway: 'Role=nomad-server',
      nomadRegion: 'eu',
      outsideEc2Datacenters: ['onprem'],
    });
    expect(configOf(template).nomad).toMatchObject({
      via: 'ssm',
      gateway: { tag: 'Role', value: 'nomad-server' },
      region: 'eu',
      outsideEc2: { datacenters: ['onprem'], nodePools: [] },
    });
    expect(problems({ groups: 'builders', nomadVia: 'ssm', nomadTokenParameter: '/t' })).toEqual([
      'nomadTokenParameter: has no meaning with nomadVia=ssm',
    ]);
    expect(problems({ ...required, nomadGateway: 'Role=x' })).toEqual(['nomadGateway: needs nomadVia=ssm']);
  });

  test('may have Nomad asked through the clients of the groups: inside a VPC, by no address', () => {
    const network = { vpcId: 'vpc-11111111', subnetIds: 'subnet-11111111', securityGroupIds: 'sg-11111111' };
    const clients = { groups: 'builders', nomadVia: 'clients', ...network };
    const outsideEc2 = { datacenters: [], nodePools: [] };
    expect(configOf(templateWith(clients)).nomad).toEqual({ via: 'clients', scheme: 'http', port: 4646, outsideEc2 });
    const tls = { nomadClientScheme: 'https', nomadCaParameter: '/ca', nomadServerName: 'client.eu.nomad' };
    const others = { nomadClientPort: '4650', nomadLogin: 'aws', nomadRegion: 'eu', chooseIdleFirst: 'true' };
    const template = templateWith({ ...clients, ...tls, ...others });
    expect(configOf(template).nomad).toEqual({
      via: 'clients',
      scheme: 'https',
      port: 4650,
      ca: { parameter: '/ca' },
      serverName: 'client.eu.nomad',
      login: { authMethod: 'aws', audience: 'nomad' },
      region: 'eu',
      outsideEc2,
    });
    expect(drainFunction(template).Properties.VpcConfig.SubnetIds).toEqual(['subnet-11111111']);

    expect(problems({ groups: 'builders', nomadVia: 'clients' })).toEqual([
      'vpcId: missing: nomadVia=clients needs vpcId, subnetIds and securityGroupIds, to reach private addresses',
    ]);
    const addresses = { nomadAddress: 'https://nomad', nomadFallbackAddresses: 'https://other', nomadGateway: 'a=b' };
    expect(problems({ ...clients, ...addresses })).toEqual([
      'nomadGateway: needs nomadVia=ssm',
      'nomadAddress: has no meaning with nomadVia=clients',
      'nomadFallbackAddresses: has no meaning with nomadVia=clients',
    ]);
    expect(problems({ ...clients, nomadServerName: 'client.global.nomad', nomadClientPort: '0' })).toEqual([
      'nomadClientPort: must be a port, 1 to 65535 [nomad-drain-hook:badPort]',
      'nomadServerName: needs the scheme https [nomad-drain-hook:httpsNeeded]',
    ]);
    expect(problems({ ...required, nomadClientScheme: 'http', nomadClientPort: '4646' })).toEqual([
      'nomadClientScheme: needs nomadVia=clients',
      'nomadClientPort: needs nomadVia=clients',
    ]);
    expect(problems({ ...required, nomadVia: 'client' })).toEqual([
      'nomadVia: must be http or clients or ssm, not "client"',
    ]);
  });

  test('may name an event bus by its ARN, and refuse what is no topic and no bus', () => {
    const eventBus = 'arn:aws:events:eu-west-1:111122223333:event-bus/builds';
    expect(configOf(templateWith({ ...required, eventBus })).events).toEqual({ bus: eventBus });
    expect(problems({ ...required, alarmTopic: 'on-call', eventBus: eventBus.replace('event-bus', 'rule') })).toEqual([
      expect.stringMatching(/^alarmTopic: must be the ARN of an SNS topic/),
      expect.stringMatching(/^eventBus: must be the name or the ARN of an event bus/),
    ]);
  });

  test.each([
    ['nomadToken', 'nomadTokenParameter'],
    ['nomadCa', 'nomadCaParameter'],
    ['nomadClientCertificate', 'nomadClientCertificateParameter'],
    ['nomadClientKey', 'nomadClientKeyParameter'],
  ])('still have their old names, and a warning tells the new one: %s', (old, now) => {
    const tls = { nomadClientCertificateParameter: '/c', nomadClientKeyParameter: '/k' };
    const { [now]: _, ...others } = { ...required, ...tls } as Record<string, string>;
    const app = makeApp({ ...others, [old]: '/old' });
    const stack = new NomadDrainHookStack(app, 'Test', readSettings(app.node.getAllContext()));
    const expected = readSettings({ ...others, [now]: '/old' });
    expect(configOf(Template.fromStack(stack)).nomad).toMatchObject(httpDocument(expected.nomad));
    const warnings = Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('settingRenamed'));
    expect(warnings.map(({ entry }) => entry.data)).toEqual([expect.stringContaining(`${old} is called ${now} now`)]);
    expect(expected.renamed).toEqual([]);
  });

  test('that list names are refused where a name is missing', () => {
    const lists = { outsideEc2Datacenters: 'onprem,', outsideEc2NodePools: ['macs', 7] };
    expect(problems({ ...required, ...lists })).toEqual([
      'outsideEc2Datacenters[1]: must be names of datacenters of Nomad, separated by commas, not ""',
      expect.stringMatching(/^outsideEc2NodePools: must be names of node pools of Nomad, separated by commas, not /),
    ]);
  });

  test('are refused under the name that was written, and under both names at once', () => {
    expect(problems({ ...required, nomadToken: 'a b' })).toEqual([
      'nomadToken: must be the name of a parameter, like /nomad/drain-token: letters, digits, . _ - and /',
    ]);
    expect(problems({ ...required, nomadToken: '/old', nomadTokenParameter: '/new' })).toEqual([
      'nomadToken: is the old name of nomadTokenParameter, which is given too',
    ]);
  });

  test('that are missing, wrong or unknown are named all at once', () => {
    expect(
      problems({ nomadAdress: 'https://x', frobnicate: '1', deadline: 'soon', subnetIds: 'subnet-11111111' }),
    ).toEqual([
      'nomadAdress: unknown setting. Did you mean nomadAddress?',
      expect.stringMatching(/^frobnicate: unknown setting\. There are: groups, nomadVia, .*stackName$/),
      expect.stringMatching(/^groups: missing: .* -c groups=/),
      expect.stringMatching(/^nomadAddress: missing: .* -c nomadAddress=/),
      expect.stringMatching(/^deadline: must be a duration/),
      expect.stringMatching(/^vpcId: missing/),
      expect.stringMatching(/^securityGroupIds: missing/),
    ]);
  });

  test('are refused by values: which setting, what is wrong, and the id of what the construct would refuse too', () => {
    const context = {
      ...required,
      nomadFallbackAddresses: 'http://b',
      subnetIds: 'subnet-11111111, b',
      killMargin: '3h',
    };
    expect(thrownProblems(() => readSettings(context))).toEqual([
      {
        path: ['killMargin'],
        id: 'nomad-drain-hook:killMarginOutOfRange',
        message: '3h is more than the 2 h a kill margin may be',
      },
      { path: ['vpcId'], id: undefined, message: 'missing: vpcId, subnetIds and securityGroupIds belong together' },
      { path: ['subnetIds', 1], id: undefined, message: 'must be like subnet-0123abcd,subnet-4567cdef, not "b"' },
      {
        path: ['securityGroupIds'],
        id: undefined,
        message: 'missing: vpcId, subnetIds and securityGroupIds belong together',
      },
      {
        path: ['nomadFallbackAddresses', 0],
        id: 'nomad-drain-hook:mixedSchemes',
        message: 'not of the same scheme as address',
      },
    ]);
  });

  test.each([
    ['nomadAdress', 'nomadAddress'],
    ['NOMADADDRESS', 'nomadAddress'],
    ['dead_line', 'deadline'],
    ['nomadTokn', 'nomadTokenParameter'],
    ['hook', undefined],
    ['frobnicate', undefined],
  ])('that are unknown are taken for a misspelt one only where it is near: %s', (typed, meant) => {
    const [problem] = problems({ ...required, [typed]: 'x' });
    expect(/Did you mean (\w+)\?$/.exec(problem!)?.[1]).toBe(meant);
  });

  test('that are wrong are not held against the others by their default', () => {
    // The default deadline, 6 h, does not fit 100 minutes; the one that was meant may.
    expect(problems({ ...required, deadline: 'an hour', heartbeatTimeout: '1m' })).toHaveLength(1);
    expect(problems({ ...required, heartbeatTimeout: '1m' })).toHaveLength(1);
    expect(problems({ ...required, deadline: '1h', heartbeatTimeout: '1m' })).toEqual([]);
  });

  test('that the function or the hook would refuse are named as the settings they are', () => {
    const found = problems({
      groups: 'builders,builders',
      nomadAddress: 'nomad:4646',
      heartbeatTimeout: '10s',
      killMargin: '3h',
      hookName: 'no spaces',
      onTimeout: 'continue',
    });
    expect(found.map((problem) => /^\w+/.exec(problem)?.[0]).toSorted()).toEqual([
      'groups',
      'heartbeatTimeout',
      'hookName',
      'killMargin',
      'nomadAddress',
      'onTimeout',
    ]);
  });
});

describe('groups with settings of their own', () => {
  const own = {
    deadline: '30m',
    onTimeout: 'ABANDON',
    spotInterruptions: 'false',
    chooseIdleFirst: 'true',
    jobMeta: true,
  };
  const policies = (groups: unknown, more = {}) =>
    configOf(templateWith({ ...required, groups, ...more })).groups.map(({ name, policy, notices, chooses, purge }) => [
      name,
      { ...policy, ...notices, ...chooses, purge },
    ]);

  test.each<[string, unknown]>([
    ['a list', ['builders', { group: 'web', ...own }]],
    ['a list after -c', JSON.stringify(['builders', { group: 'web', ...own }])],
    ['a map', { builders: {}, web: own }],
    ['a map after -c', JSON.stringify({ builders: {}, web: own })],
  ])('may be %s', (_, groups) => {
    const more = { deadline: '2h', killMargin: '1m', purgeNodes: 'true', onlyIdleFor: '20m' };
    expect(policies(groups, more)).toEqual([
      ['builders', expect.objectContaining({ deadlineSeconds: 7200, killMarginSeconds: 60, on: false, purge: true })],
      [
        'web',
        expect.objectContaining({
          ...{ deadlineSeconds: 1800, killMarginSeconds: 60, onTimeout: 'ABANDON', jobMeta: true, spot: false },
          ...{ on: true, onlyIdle: true, onlyIdleForSeconds: 1200, purge: true },
        }),
      ],
    ]);
  });

  test('may be told not to do what the others do', () => {
    const shared = {
      rebalanceRecommendations: 'drain',
      chooseIdleFirst: true,
      purgeNodes: true,
      scheduledMaintenance: true,
    };
    const not = {
      rebalanceRecommendations: 'off',
      chooseIdleFirst: false,
      purgeNodes: 'false',
      scheduledMaintenance: 'false',
    };
    expect(policies({ web: not }, shared)).toEqual([
      ['web', expect.objectContaining({ rebalance: 'off', on: false, purge: false, maintenance: false })],
    ]);
  });

  const wrong = { group: 'web', deadline: '3x', dedline: '3m', hookName: 'drain', grace: '2h' };
  const { group: _, ...wrongSettings } = wrong;
  test.each<[string, unknown, string]>([
    ['in a list', ['builders', wrong], 'groups[1]'],
    ['in a map', JSON.stringify({ builders: {}, web: wrongSettings }), 'groups.web'],
  ])('are refused in the words of the other settings, each that is wrong: %s', (__, groups, web) => {
    expect(problems({ ...required, groups })).toEqual([
      `${web}.deadline: must be a duration like 6h, 30m, 90s or 1h30m, not "3x"`,
      `${web}.grace: 2h is more than the 1 h a grace period may be [nomad-drain-hook:graceOutOfRange]`,
      `${web}.dedline: unknown setting. Did you mean deadline?`,
      `${web}.hookName: is the same for all groups: give it beside them`,
    ]);
  });

  test.each<[string, unknown, string]>([
    [
      'a deadline that the hook cannot hold',
      { web: { deadline: '48h' } },
      'groups.web.deadline: 48 h is more than the 47 h 50 min ',
    ],
    [
      'a wait of a group that does not ask',
      { web: { onlyIdleFor: '3m' } },
      'groups.web.onlyIdleFor: needs chooseIdleFirst=true',
    ],
    [
      'a time after which nothing is restored',
      ['a', { group: 'b', restoreAfter: '2h' }],
      'groups[1].restoreAfter: needs rebalance',
    ],
    ['no name', [{ deadline: '1h' }], 'groups[0].group: missing: the name of the group'],
    [
      'what is no group',
      ['a', 5],
      'groups[1]: must be the name of a group, or an object with "group" and its settings, not 5',
    ],
    [
      'what is no name',
      { 'a:b': {} },
      'groups.a:b: must be names of Auto Scaling groups, separated by commas, not "a:b"',
    ],
    [
      'JSON that ends too early',
      '["a"',
      'groups: must be names of Auto Scaling groups, separated by commas, or a JSON list or map',
    ],
    ['an empty list', '[]', 'groups: must name at least one group'],
  ])('are refused with %s', (__, groups, why) => {
    expect(problems({ ...required, groups })).toEqual([expect.stringContaining(why)]);
  });

  test('may alone need what is given for all', () => {
    const shared = { onlyIdleFor: '20m', restoreAfter: '2h' };
    const groups = { web: { chooseIdleFirst: true }, api: { scheduledMaintenance: true } };
    expect(problems({ ...required, groups, ...shared })).toEqual([]);
    expect(problems({ ...required, groups: { web: {} }, ...shared })).toHaveLength(2);
  });

  test('do not choose where Nomad is asked on instances', () => {
    expect(problems({ groups: { web: { chooseIdleFirst: true } }, nomadVia: 'ssm' })).toEqual([
      'groups.web.chooseIdleFirst: has no meaning with nomadVia=ssm: that is too slow',
    ]);
  });
});
