import { describe, expect, it } from 'vitest';
import { ROLE_ARN } from '../../emulators/aws/ssm/sts.ts';
import { HOUR, MINUTE, SWEEP } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const manage = async (path: string, body: object) => {
  const headers = { 'X-Nomad-Token': world.nomad.managementToken };
  const { status } = await fetch(`${world.nomad.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  expect(status).toBe(200);
};

/** An auth method that trusts this AWS account, and a binding rule for `role`. */
const startWithLogin = async ({ audience = 'nomad', role = ROLE_ARN, ttl = '10m0s', throughClients = false } = {}) => {
  const access = { login: { authMethod: 'aws' } };
  await start({ acl: true, ...(throughClients ? { clients: access } : { nomad: access }) });
  world.nomad.policy('drainer', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
  const { issuer } = world.aws.federation;
  await manage('/v1/acl/auth-method', {
    Name: 'aws',
    Type: 'JWT',
    TokenLocality: 'local',
    MaxTokenTTL: ttl,
    Config: {
      JWTValidationPubKeys: [issuer.publicKey],
      BoundIssuer: [issuer.url],
      BoundAudiences: [audience],
      SigningAlgs: ['RS256'],
      ClaimMappings: { sub: 'role' },
    },
  });
  await manage('/v1/acl/binding-rule', {
    AuthMethod: 'aws',
    Selector: `value.role == "${role}"`,
    BindType: 'policy',
    BindName: 'drainer',
  });
  const builder = world.addBuilder();
  world.nomad.run({ id: 'build', type: 'batch', on: builder.nodeId, runSeconds: 3000 });
  await world.scaleIn(builder.instanceId);
  return builder;
};

const logins = () => world.nomad.requests.filter(({ path }) => path === '/v1/acl/login').length;

describe('a function that holds no secret', () => {
  it('trades its identity for a token, and for the next one shortly before that one expires', async () => {
    const { instanceId } = await startWithLogin();

    await world.deliver();
    await world.sweepFor(HOUR);

    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(world.killedBuilds).toEqual([]);
    // A token of ten minutes, renewed 90 s before its end, for the 50 minutes of the build.
    expect(logins()).toBeGreaterThanOrEqual(5);
    expect(logins()).toBeLessThanOrEqual(7);
    expect(world.aws.requests.filter(({ service }) => service === 'ssm')).toEqual([]);
    expect(world.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('logs in again when Nomad no longer knows its token', async () => {
    const { instanceId } = await startWithLogin({ ttl: '1h0m0s' });
    await world.deliver();
    const used = world.nomad.requests.at(-1)?.token ?? '';
    world.nomad.revoke(used);

    await world.sweepFor(3 * MINUTE);

    expect(logins()).toBe(2);
    expect(world.completion(instanceId)).toBeUndefined();
    expect(world.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('logs in through another client where one is shutting down', async () => {
    const { instanceId } = await startWithLogin({ throughClients: true });
    const gateway = world.addBuilder();
    world.addBuilder();
    world.nomad.clientAgents.shutDown(gateway.nodeId);
    await world.deliver();
    await world.sweepFor(3 * MINUTE);
    expect(world.completion(instanceId)).toBeUndefined();
    expect(world.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it.each([
    ['another audience', { audience: 'vault' }, 'check BoundAudiences of auth method aws against the audience'],
    [
      'no binding rule for its role',
      { role: 'arn:aws:iam::1:role/x' },
      'auth method aws has no binding rule for the role',
    ],
  ])('that meets %s is told what to do, and keeps the instance', async (_, method, advice) => {
    const { instanceId } = await startWithLogin(method);
    await expect(world.wake(SWEEP)).rejects.toThrow(advice);
    expect(world.completion(instanceId)).toBeUndefined();
  });

  it('says how to enable federation where the account has not', async () => {
    await startWithLogin();
    world.aws.federation.enabled = false;
    await expect(world.wake(SWEEP)).rejects.toThrow('aws iam enable-outbound-web-identity-federation');
  });

  it('writes neither its identity nor its token down', async () => {
    await startWithLogin({ audience: 'vault' });
    await world.wake(SWEEP).catch((error: Error) => world.log.push({ level: 'error', message: String(error.stack) }));
    const tokens = new Set(world.nomad.requests.map(({ token }) => token).filter(Boolean));
    const written = JSON.stringify(world.log);
    expect(written).not.toMatch(/eyJ[\w-]{10}/);
    for (const token of tokens) expect(written).not.toContain(token);
  });
});
