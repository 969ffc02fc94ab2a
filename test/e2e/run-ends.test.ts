import { describe, expect, it } from 'vitest';
import { ROLE_ARN } from '../../emulators/aws/ssm/sts.ts';
import type { EmulatorRequest, Loopback, Mishap } from '../../emulators/server.ts';
import { MINUTE, SECOND, SWEEP, UNNAMED, type WorldOptions } from '../../emulators/world/world.ts';
import { slowly } from './slowly.ts';
import { start, world } from './start.ts';

const POLICY = 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }';
const BUILDERS = 12;

/** A group whose hook asks for many heartbeats. */
const startWithToken = async (options: WorldOptions = {}) => {
  const nomad = { token: { parameter: '/nomad/token' } };
  const policy = { deadlineSeconds: 3600 };
  await start({ acl: true, heartbeatTimeoutSeconds: 120, policy, nomad, ...options });
  world.nomad.policy('drainer', POLICY);
  world.aws.putParameter('/nomad/token', world.nomad.token({ policies: ['drainer'] }), 'SecureString');
};

/** It scales in by a dozen builders, half of them at work. */
const startWithBuilders = async (options: WorldOptions = {}) => {
  await startWithToken(options);
  const builders = Array.from({ length: BUILDERS }, () => world.addBuilder());
  for (const { nodeId } of builders.slice(BUILDERS / 2)) {
    world.nomad.run({ id: `build-${nodeId}`, type: 'batch', on: nodeId, runSeconds: 3600 });
  }
  await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
};

type Meant = (request: EmulatorRequest) => boolean;
const to =
  (path: string): Meant =>
  ({ url }) =>
    url.pathname.startsWith(path);
const asked =
  (action: string): Meant =>
  ({ body, headers }) =>
    body.includes(`Action=${action}&`) || String(headers['x-amz-target']).endsWith(`.${action}`);

const LOGIN: WorldOptions = { nomad: { login: { authMethod: 'aws' } } };

/** Who does not answer, and which of its requests are meant; all of them, where nothing is said. */
const SILENT: [who: string, servers: () => Loopback[], meant?: Meant | undefined, options?: WorldOptions][] = [
  ['Nomad', () => [world.nomad.server]],
  ['each of seven Nomad servers', () => [world.nomad.server], undefined, { addresses: 7 }],
  ['Nomad about the token', () => [world.nomad.server], to('/v1/acl/token')],
  ['Nomad about policies', () => [world.nomad.server], to('/v1/acl/policy')],
  ['Nomad about nodes', () => [world.nomad.server], to('/v1/nodes')],
  ['Nomad about one node', () => [world.nomad.server], to('/v1/node/')],
  ['Nomad at the login', () => [world.nomad.server], to('/v1/acl/login'), LOGIN],
  ['STS', () => [world.aws.servers.sts], undefined, LOGIN],
  ['Parameter Store', () => [world.aws.servers.ssm]],
  ['EC2', () => [world.aws.servers.ec2]],
  ['EventBridge', () => [world.aws.servers.eventBridge]],
  ['Auto Scaling', () => [world.aws.servers.autoScaling]],
  ['Auto Scaling about groups', () => [world.aws.servers.autoScaling], asked('DescribeAutoScalingGroups')],
  ['Auto Scaling about hooks', () => [world.aws.servers.autoScaling], asked('DescribeLifecycleHooks')],
  ['Auto Scaling about activities', () => [world.aws.servers.autoScaling], asked('DescribeScalingActivities')],
  ['Auto Scaling at heartbeats', () => [world.aws.servers.autoScaling], asked('RecordLifecycleActionHeartbeat')],
  ['Auto Scaling at completions', () => [world.aws.servers.autoScaling], asked('CompleteLifecycleAction')],
  ['Nomad and EC2', () => [world.nomad.server, world.aws.servers.ec2]],
  ['everybody but Auto Scaling', () => others()],
  ['everybody', () => [...others(), world.aws.servers.autoScaling]],
];

const others = () => {
  const { ec2, ssm, sts, eventBridge } = world.aws.servers;
  return [world.nomad.server, ec2, ssm, sts, eventBridge];
};

/** How answers stay away: none at all, or half of one; from the first question on, or in the middle of the run. */
const WAYS: [how: string, mishap: Mishap, from: number][] = [
  ['says nothing', 'silence', 0],
  ['falls silent after a while', 'silence', 12],
  ['stops in the middle of its answers', 'half an answer', 0],
  ['stops in the middle of its answers after a while', 'half an answer', 5],
];

/** An auth method that trusts this AWS account. */
const trust = async () => {
  const { issuer } = world.aws.federation;
  const method = {
    Name: 'aws',
    Type: 'JWT',
    TokenLocality: 'local',
    MaxTokenTTL: '10m0s',
    Config: {
      JWTValidationPubKeys: [issuer.publicKey],
      BoundIssuer: [issuer.url],
      BoundAudiences: ['nomad'],
      ClaimMappings: { sub: 'role' },
    },
  };
  const rule = { AuthMethod: 'aws', Selector: `value.role == "${ROLE_ARN}"`, BindType: 'policy', BindName: 'drainer' };
  const headers = { 'X-Nomad-Token': world.nomad.managementToken };
  for (const [path, body] of Object.entries({ 'auth-method': method, 'binding-rule': rule })) {
    await fetch(`${world.nomad.url}/v1/acl/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  }
};

describe.each(SILENT)('%s', (_, servers, meant = () => true, options = undefined) => {
  describe.each(WAYS)('%s', (__, mishap, from) => {
    const fallSilent = () => {
      for (const server of servers()) {
        let seen = 0;
        server.fault = (request) => (meant(request) && seen++ >= from ? mishap : undefined);
      }
    };

    it('ends no run later than its minute: each answers, or fails and says what is the matter', async () => {
      await startWithBuilders(options);
      await trust();
      fallSilent();

      for (const event of [world.events[0], SWEEP, SWEEP]) {
        await world.coldStart();
        const began = world.clock.now();
        const answer = await world.wake(event).catch((error: Error) => error);
        expect(world.clock.now() - began, String(answer)).toBeLessThanOrEqual(65 * SECOND);
        if (!(answer instanceof Error)) continue;
        expect(answer.name).toBe('RunFailed');
        expect(answer.message).toMatch(/not served|no answer within the time limit/);
      }
    });
  });
});

describe('a blocking query at an old drain, for which a run waits most of its minute', () => {
  it.each<[string, Mishap]>([
    ['is not answered', 'silence'],
    ['is answered by half', 'half an answer'],
    ['fails at once', 'hang-up'],
    ['fails by its server', { status: 502, body: '' }],
  ])('that %s is waited for once: the run looks again, and ends in time', async (_, mishap) => {
    await startWithBuilders({ heartbeatTimeoutSeconds: 1800 });
    await world.sweepFor(14 * MINUTE);
    world.nomad.server.fault = ({ url }) => (url.searchParams.has('index') ? mishap : undefined);
    const began = world.clock.now();

    const { instances } = await world.wake(SWEEP);

    expect(world.clock.now() - began).toBeLessThan(MINUTE);
    expect(instances).toHaveLength(BUILDERS / 2);
    expect(instances.every(({ action }) => action === 'wait')).toBe(true);
  });
});

describe('a sweep that ends while it looks', () => {
  it('leaves the rest to the next, and fails for nobody whom it has served before', async () => {
    await startWithToken({ heartbeatTimeoutSeconds: 1800 });
    const { instanceId, nodeId } = world.addBuilder();
    const ends = (Math.floor(world.clock.now() / MINUTE) + 2) * MINUTE + 55 * SECOND;
    const runSeconds = (ends - world.clock.now()) / SECOND;
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds });
    await world.scaleIn(instanceId);
    await world.deliver();
    world.nomad.server.fault = slowly(world.clock, ({ url }) => (url.searchParams.has('index') ? 0 : 2_000));

    // Throws if a sweep fails.
    await world.sweepFor(4 * MINUTE);

    expect((world.completion(instanceId)?.at ?? Number.POSITIVE_INFINITY) - ends).toBeGreaterThan(5 * SECOND);
    expect((world.completion(instanceId)?.at ?? Number.POSITIVE_INFINITY) - ends).toBeLessThan(45 * SECOND);
    expect(world.printed.join()).not.toContain('NomadErrors');
  });
});

describe('what a run has measured', () => {
  it('is written before it is killed, also where nobody says any more who waits', async () => {
    await startWithBuilders();
    await world.wake(SWEEP);
    // Who waits is asked again while EC2 does not say which node this is.
    await world.scaleIn(world.addBuilder(UNNAMED).instanceId);
    world.aws.servers.ec2.fault = () => ({ status: 403, body: '' });
    let looks = 0;
    world.aws.servers.autoScaling.fault = ({ body }) =>
      body.includes('Action=DescribeAutoScalingGroups&') && looks++ > 0 ? 'silence' : undefined;

    await expect(world.wake(SWEEP)).rejects.toThrow('1 of 7 instances not served');

    expect(world.printed.join()).toContain(`"InstancesWaiting":${BUILDERS / 2 + 1}`);
    expect(world.log.at(-1)).toMatchObject({ message: 'run ended', instances: { length: BUILDERS / 2 + 1 } });
  });

  it('is written as it happens', async () => {
    await startWithBuilders();
    let atLastSilence = '';
    world.nomad.server.fault = ({ url }) => {
      if (!url.searchParams.has('index')) return undefined;
      atLastSilence = world.printed.join();
      return 'silence';
    };

    await world.wake(SWEEP);

    expect(atLastSilence).toContain('"Drained":');
  });
});

describe('a completion', () => {
  it('has a time of its own where all that was before it has taken what the run had', async () => {
    await startWithToken({ heartbeatTimeoutSeconds: 1800 });
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'last', type: 'batch', on: nodeId, runSeconds: 100 });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.advance(2 * MINUTE);
    const environment = await world.environment();
    world.nomad.server.fault = slowly(world.clock, () => 500);
    world.aws.servers.autoScaling.fault = slowly(world.clock, (request) =>
      asked('CompleteLifecycleAction')(request) ? 3_000 : 0,
    );
    const began = world.clock.now();

    // Of seventeen seconds, eight are kept for the end: nothing is asked after nine.
    await world.wake(SWEEP, (event) => environment(event, { getRemainingTimeInMillis: () => 17 * SECOND }));

    const { at = 0, by } = world.completion(instanceId) ?? {};
    expect(by).toBe('call');
    expect(at - began).toBeGreaterThan(9 * SECOND);
    expect(world.clock.now() - began).toBeLessThanOrEqual(15 * SECOND);
  });
});
