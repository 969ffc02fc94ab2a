import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import { beforeAll, describe, expect, test } from 'vitest';
import { DOCUMENT, FUNCTION_ARN, MINUTE, type World, type WorldOptions } from '../../emulators/world/world.ts';
import { NomadAccess } from '../../lib/access/nomad-access.ts';
import type { NomadDrainHookProps } from '../../lib/props.ts';
import { startWithCommands } from '../e2e/command-world.ts';
import { rebalanceRecommendation, spotWarning } from '../e2e/notice-events.ts';
import { start, world as started } from '../e2e/start.ts';
import { emptyStack, type Json } from '../lib/stacks.ts';
import { busArn, groupArn, instanceArn, neededFor, parameterArn } from './calls.ts';
import {
  byCode,
  byService,
  IN,
  isAllowed,
  logGroupArn,
  missing,
  type Needed,
  type Policies,
  policiesOf,
  type Role,
} from './iam.ts';

const ADDRESS = 'https://nomad.internal:4646';
const TOKEN = '/nomad/token';
const KEY = `arn:aws:kms:${IN}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
const FAILED_RUNS = `arn:aws:sqs:${IN}:DrainHookFailedRuns`;
const INTERFACE = `arn:aws:ec2:${IN}:network-interface/*`;
const ATTACH = 'ec2:CreateNetworkInterface';
const COMPLETE = 'autoscaling:CompleteLifecycleAction';
const PUT = 'events:PutEvents';
const STS = 'sts:GetWebIdentityToken';
const AUDIENCE = { 'sts:IdentityTokenAudience': ['nomad'], 'sts:DurationSeconds': '300' };
const onInstance = (tag: string, value: string) =>
  byCode('ssm:SendCommand', instanceArn('i-0123456789abcdef0'), { [`ssm:resourceTag/${tag}`]: value });

const POLICY = 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }';

const wherever: Partial<NomadDrainHookProps> = {
  notices: { rebalance: 'drain', maintenance: true },
  purgeNodes: true,
  chooseIdleFirst: {},
};
const withToken = { ...wherever, nomad: NomadAccess.http({ address: ADDRESS, token: TOKEN }) };
const withLogin = { ...wherever, nomad: NomadAccess.http({ address: ADDRESS, login: { authMethod: 'aws' } }) };
const throughInstances = { nomad: NomadAccess.runCommand() };
const throughGateway = { nomad: NomadAccess.runCommand({ gateway: { tag: 'Role', value: 'nomad-server' } }) };

/** A world whose Nomad wants the token that lies in Parameter Store. */
async function startWithToken(options: WorldOptions = {}): Promise<World> {
  const world = await start({
    acl: true,
    nomad: { token: { parameter: TOKEN } },
    notices: { rebalance: 'drain', maintenance: true },
    purge: true,
    ...options,
  });
  world.nomad.policy('drainer', POLICY);
  world.aws.putParameter(TOKEN, world.nomad.token({ policies: ['drainer'] }), 'SecureString');
  return world;
}

/** A build that outlives a heartbeat, one that ends, notices, and every query of an operator. */
async function everything(world: World): Promise<void> {
  const [one, two, three] = Array.from({ length: 3 }, () => world.addBuilder());
  world.nomad.run({ id: 'build', type: 'batch', on: one!.nodeId, runSeconds: 1800 });
  await world.scaleIn(one!.instanceId);
  await world.deliver();
  await world.wake(spotWarning(two!.instanceId, world));
  await world.wake(rebalanceRecommendation(three!.instanceId, world));
  for (const command of ['status', 'capacity', 'jobs', 'doctor', 'plan']) await world.ask({ command });
  await world.sweepFor(35 * MINUTE);
  expect(world.completion(one!.instanceId)).toMatchObject({ by: 'call' });
}

/** The permissions that the calls of a world need, each once. */
function needed(world: World): Needed[] {
  const all = world.aws.requests.flatMap((request) => neededFor(request, world));
  return [...new Map(all.map((each) => [JSON.stringify(each), each])).values()];
}

/** What the Lambda service does with a role, and the emulator does not show. */
const OF_THE_SERVICE: readonly Needed[] = [
  byService('logs:CreateLogStream', `${logGroupArn}:log-stream:2026/12/01`),
  byService('logs:PutLogEvents', `${logGroupArn}:log-stream:2026/12/01`),
];

const actionsOf = (policy: Json): string[] =>
  policy.Statement.flatMap(({ Effect, Action }: Json) => (Effect === 'Allow' ? Action : []));

/** What is refused among these, in words. */
async function refused(policy: Json, calls: readonly Needed[]): Promise<Needed[]> {
  const results = await Promise.all(calls.map((call) => isAllowed(policy, call)));
  return calls.filter((_, index) => !results[index]);
}

describe.skipIf(missing)(`IAM's evaluation of policies${missing}`, () => {
  /** Used in one of the worlds below. */
  const used = new Map<Role, Set<string>>([
    ['drains', new Set()],
    ['whoGoes', new Set()],
  ]);

  async function allows(role: Role, props: Partial<NomadDrainHookProps>, world: World): Promise<string[]> {
    const calls = needed(world);
    expect(await refused(policiesOf(props)[role], [...calls, ...OF_THE_SERVICE])).toEqual([]);
    for (const { action } of calls) used.get(role)?.add(action);
    return calls.map(({ action }) => action);
  }

  test('allows every call of a function with a stored token', async () => {
    const world = await startWithToken({ group: { warmPool: {} } });
    await everything(world);
    expect(await allows('drains', withToken, world)).toContain('ssm:GetParameters');
  });

  test('allows every call of a function that logs in', async () => {
    const world = await start({ acl: true, nomad: { login: { authMethod: 'aws' } } });
    world.addBuilder();
    // Nomad does not trust it: what STS is asked is the same.
    await world.ask({ command: 'status' }).catch(() => {});
    expect(await allows('drains', withLogin, world)).toContain('sts:GetWebIdentityToken');
  });

  test('allows every call of a function that asks through instances of its groups', async () => {
    const { leaving } = await startWithCommands();
    const world = started;
    await world.scaleIn(leaving.instanceId);
    await world.deliver();
    const { drains } = policiesOf(throughInstances);
    // CloudFormation makes up the name of the document.
    const [document] = drains.Statement.find(({ Sid }: Json) => Sid === 'AskOnlyThis')
      .Resource.split('/')
      .slice(-1);
    const calls = needed(world).map((each) => ({ ...each, resource: each.resource.replace(DOCUMENT, document) }));
    expect(await refused(drains, calls)).toEqual([]);
    expect(new Set(calls.map(({ action }) => action))).toContain('ssm:GetCommandInvocation');
    for (const { action } of calls) used.get('drains')?.add(action);
  });

  test('allows every call of the function that says which instances go', async () => {
    const asked = { group: { terminationPolicies: [FUNCTION_ARN, 'Default'] }, anyGroup: true };
    for (const [props, begin] of [
      [withToken, () => startWithToken(asked)],
      [withLogin, () => start({ acl: true, nomad: { login: { authMethod: 'aws' } }, ...asked })],
    ] as const) {
      const world = await begin();
      for (const _ of 'abc') world.addBuilder();
      await world.shrink(1);
      expect(world.aws.asked).toHaveLength(1);
      await allows('whoGoes', props, world);
    }
  });

  test('grants nothing that none of them uses', () => {
    const granted = (role: Role) =>
      new Set([withToken, withLogin, throughInstances].flatMap((props) => actionsOf(policiesOf(props)[role])));
    const service = [
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'sqs:GetQueueAttributes',
      'sqs:GetQueueUrl',
      'sqs:SendMessage',
    ];
    const unused = (role: Role) =>
      [...granted(role)].filter((action) => !used.get(role)?.has(action) && !service.includes(action));
    expect(unused('drains')).toEqual([]);
    expect(unused('whoGoes')).toEqual([]);
  });

  /** Everything at once: the calls in a VPC, and what a customer key encrypts. */
  let widest: Policies;
  beforeAll(() => {
    const stack = emptyStack();
    const encryptionKey = kms.Key.fromKeyArn(stack, 'Key', KEY);
    const nomad = NomadAccess.http({ address: ADDRESS, token: TOKEN, encryptionKey });
    const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId: 'vpc-11111111',
      availabilityZones: ['eu-west-1a'],
      privateSubnetIds: ['subnet-11111111'],
      privateSubnetRouteTableIds: ['rtb-11111111'],
    });
    widest = policiesOf({ ...withToken, nomad, vpc }, stack);
  });

  test.each<[string, Role, Needed]>([
    ['attach the function to subnets, as the Lambda service', 'drains', byService(ATTACH, INTERFACE)],
    ['attach the function that chooses, as the Lambda service', 'whoGoes', byService(ATTACH, INTERFACE)],
    ['have what the given key encrypts decrypted', 'drains', byCode('kms:Decrypt', KEY)],
    ['send the event of a failed run to its queue', 'drains', byService('sqs:SendMessage', FAILED_RUNS)],
  ])('allows to %s (%s)', async (_, role, call) => {
    expect(await isAllowed(widest[role], call)).toBe(true);
  });

  test.each<[string, Role, Needed]>([
    ['complete a lifecycle action of another group', 'drains', byCode(COMPLETE, groupArn('runners'))],
    ['complete one of a group whose name begins as ours', 'drains', byCode(COMPLETE, groupArn('builders-2'))],
    [
      'complete one of our group in another region',
      'drains',
      {
        ...byCode(COMPLETE, groupArn('builders', 'us-east-1:111122223333')),
        context: { 'aws:RequestedRegion': 'us-east-1' },
      },
    ],
    [
      'complete a lifecycle action of our group, as the one that chooses',
      'whoGoes',
      byCode(COMPLETE, groupArn('builders')),
    ],
    [
      'send a heartbeat, as the one that chooses',
      'whoGoes',
      byCode('autoscaling:RecordLifecycleActionHeartbeat', groupArn('builders')),
    ],
    ['change our group', 'drains', byCode('autoscaling:UpdateAutoScalingGroup', groupArn('builders'))],
    [
      'terminate an instance of our group',
      'drains',
      byCode('autoscaling:TerminateInstanceInAutoScalingGroup', groupArn('builders')),
    ],
    ['terminate an instance', 'drains', byCode('ec2:TerminateInstances', instanceArn('i-0123456789abcdef0'))],
    ['read another parameter', 'drains', byCode('ssm:GetParameters', parameterArn('/nomad/other'))],
    ['read a parameter below the token', 'drains', byCode('ssm:GetParameters', parameterArn(`${TOKEN}/old`))],
    ['read the history of the token', 'drains', byCode('ssm:GetParameterHistory', parameterArn(TOKEN))],
    ['change the token', 'drains', byCode('ssm:PutParameter', parameterArn(TOKEN))],
    ['decrypt by another key', 'drains', byCode('kms:Decrypt', KEY.replace(/.$/, '0'))],
    ['put events on another bus', 'drains', byCode(PUT, busArn('orders'), { 'events:source': ['nomad-drain-hook'] })],
    [
      'put events in the name of another source',
      'drains',
      byCode(PUT, busArn('default'), { 'events:source': ['aws.ec2'] }),
    ],
    [
      'put an event of another source among ours',
      'drains',
      byCode(PUT, busArn('default'), {
        'events:source': ['nomad-drain-hook', 'com.example'],
      }),
    ],
    ['put an event without a source', 'drains', byCode(PUT, busArn('default'))],
    ['create a network interface, as the code', 'drains', byCode(ATTACH, INTERFACE)],
    ['create a network interface, as the code that chooses', 'whoGoes', byCode(ATTACH, INTERFACE)],
    ['list network interfaces, as the code', 'drains', byCode('ec2:DescribeNetworkInterfaces')],
    ['read the queue of failed runs', 'drains', byCode('sqs:ReceiveMessage', FAILED_RUNS)],
    [
      'write to the queue of undelivered events',
      'drains',
      byCode('sqs:SendMessage', FAILED_RUNS.replace('FailedRuns', 'UndeliveredEvents')),
    ],
    [
      'write to another log',
      'drains',
      byCode('logs:PutLogEvents', `arn:aws:logs:${IN}:log-group:/aws/lambda/other:log-stream:1`),
    ],
    ['run a command', 'drains', byCode('ssm:SendCommand', `arn:aws:ssm:${IN}:document/AWS-RunShellScript`)],
  ])('denies to %s (%s)', async (_, role, call) => {
    expect(await isAllowed(widest[role], call)).toBe(false);
  });

  test.each<[string, Partial<NomadDrainHookProps>, Needed]>([
    [
      'log in to another audience',
      withLogin,
      byCode(STS, '*', { ...AUDIENCE, 'sts:IdentityTokenAudience': ['vault'] }),
    ],
    [
      'log in to two audiences',
      withLogin,
      byCode(STS, '*', { ...AUDIENCE, 'sts:IdentityTokenAudience': ['nomad', 'vault'] }),
    ],
    ['log in to no audience', withLogin, byCode(STS, '*', { 'sts:DurationSeconds': '300' })],
    ['log in for an hour', withLogin, byCode(STS, '*', { ...AUDIENCE, 'sts:DurationSeconds': '3600' })],
    ['log in, where a token is stored', withToken, byCode(STS, '*', AUDIENCE)],
    [
      'run a document of AWS',
      throughInstances,
      byCode('ssm:SendCommand', `arn:aws:ssm:${IN}:document/AWS-RunShellScript`),
    ],
    [
      'run a command on an instance of another group',
      throughInstances,
      onInstance('aws:autoscaling:groupName', 'runners'),
    ],
    ['run a command on an instance without a group', throughInstances, byCode('ssm:SendCommand', instanceArn('i-1'))],
    [
      'run a command on our group, where a gateway is named',
      throughGateway,
      onInstance('aws:autoscaling:groupName', 'builders'),
    ],
    ['run a command on another instance than a gateway', throughGateway, onInstance('Role', 'nomad-client')],
  ])('denies to %s', async (_, props, call) => {
    expect(await isAllowed(policiesOf(props).drains, call)).toBe(false);
  });

  test('allows the same calls where one word is right', async () => {
    const calls: [Partial<NomadDrainHookProps>, Needed][] = [
      [withToken, byCode(COMPLETE, groupArn('builders'))],
      [withToken, byCode('ssm:GetParameters', parameterArn(TOKEN))],
      [withToken, byCode(PUT, busArn('default'), { 'events:source': ['nomad-drain-hook'] })],
      [withLogin, byCode(STS, '*', AUDIENCE)],
      [throughInstances, onInstance('aws:autoscaling:groupName', 'builders')],
      [throughGateway, onInstance('Role', 'nomad-server')],
    ];
    for (const [props, call] of calls) expect(await isAllowed(policiesOf(props).drains, call), call.action).toBe(true);
  });
});
