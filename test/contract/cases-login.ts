import { readFileSync } from 'node:fs';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Issuer } from '../../emulators/jwt.ts';
import { job, obeys } from './contract-jobs.ts';
import { list, type Nomad, object } from './nomad-under-test.ts';

const ROLE = 'arn:aws:iam::123456789012:role/nomad-drain-hook';
/** What the documentation tells a team to create. */
const POLICY = readFileSync(new URL('../../docs/nomad-policy.hcl', import.meta.url), 'utf8');

/** A statement of identity is exchanged for a token (recording login). */
export const loginCases = (the: () => Nomad): void => {
  const issuer = new Issuer();
  const state = (claims: Partial<Parameters<Issuer['state']>[0]> = {}, by = issuer) => {
    const now = the().under.now();
    return by.state({ subject: ROLE, audience: 'nomad', from: now - 10_000, until: now + 300_000, ...claims });
  };
  const login = (jwt: string) => the().send('POST', '/v1/acl/login', { AuthMethodName: 'aws', LoginToken: jwt }, '');

  beforeAll(async () => {
    await the().send('POST', '/v1/acl/policy/documented', { Name: 'documented', Rules: POLICY });
    const method = await the().send('POST', '/v1/acl/auth-method', {
      Name: 'aws',
      Type: 'JWT',
      TokenLocality: 'local',
      MaxTokenTTL: '1h0m0s',
      Config: {
        JWTValidationPubKeys: [issuer.publicKey],
        BoundIssuer: [issuer.url],
        BoundAudiences: ['nomad'],
        SigningAlgs: ['RS256'],
        ClaimMappings: { sub: 'role' },
      },
    });
    expect(method.text).toContain('"aws"');
    await the().send('POST', '/v1/acl/binding-rule', {
      AuthMethod: 'aws',
      Selector: `value.role == "${ROLE}"`,
      BindType: 'policy',
      BindName: 'documented',
    });
  });

  test('gives a token of the bound policy, which says when it expires and can be used', async () => {
    const { status, body } = await login(state());
    const { SecretID, CreateTime, ExpirationTime, Policies } = object(body);
    expect([status, Policies]).toEqual([200, ['documented']]);
    const life = Date.parse(String(ExpirationTime)) - Date.parse(String(CreateTime));
    expect(life).toBe(3_600_000);
    expect((await the().get('/v1/nodes', String(SecretID))).status).toBe(200);
  });

  test('is refused for another role, for another audience, too late, and without a binding rule', async () => {
    expect(await login(state({}, new Issuer()))).toMatchObject({ status: 401 });
    expect(await login('hello')).toMatchObject({ status: 401 });
    const other = await login(state({ audience: 'vault' }));
    expect([other.status, other.text]).toEqual([401, expect.stringContaining('audience')]);
    const past = the().under.now() - 7_200_000;
    expect(await login(state({ from: past, until: past + 300_000 }))).toMatchObject({ status: 401 });
    const unbound = await login(state({ subject: `${ROLE}-of-another` }));
    expect([unbound.status, unbound.text]).toEqual([400, 'no role or policy bindings matched']);
  });
};

/** The documented policy lets the function do all it does, and without either of its lines it does not. */
export const policyCases = (the: () => Nomad): void => {
  const token = async (name: string, Rules: string) => {
    await the().send('POST', `/v1/acl/policy/${name}`, { Name: name, Rules });
    const { body } = await the().send('POST', '/v1/acl/token', { Name: name, Type: 'client', Policies: [name] });
    return String(object(body).SecretID);
  };
  const [nodeLine = '', namespaceLine = ''] = POLICY.match(/^(node|namespace)[^}]*\}/gm) ?? [];

  beforeEach(() => the().run(job('watched', 'batch', obeys, { on: the().under.nodes[0]?.id ?? '' })));

  test('that the documentation names suffices for everything that the function asks', async () => {
    const secret = await token('whole', POLICY);
    const path = `/v1/node/${the().under.nodes[0]?.id}`;
    const [build] = await the().allocations(0, 'watched');
    for (const read of [
      '/v1/acl/token/self',
      '/v1/acl/policy/whole',
      '/v1/nodes',
      path,
      `${path}/allocations`,
      `/v1/allocation/${build?.ID}`,
    ]) {
      expect([read, (await the().get(read, secret)).status]).toEqual([read, 200]);
    }
    expect(list((await the().get(`${path}/allocations`, secret)).body).map(({ JobID }) => JobID)).toContain('watched');
    const drain = { DrainSpec: { Deadline: 60e9 }, MarkEligible: false, Meta: { drained_by: 'nomad-drain-hook' } };
    expect((await the().send('POST', `${path}/drain`, drain, secret)).status).toBe(200);
    const cancel = { DrainSpec: null, MarkEligible: true };
    expect((await the().send('POST', `${path}/drain`, cancel, secret)).status).toBe(200);
    expect((await the().send('POST', `${path}/eligibility`, { Eligibility: 'eligible' }, secret)).status).toBe(200);
  });

  describe('without its line', () => {
    test('on nodes shows no node', async () => {
      const secret = await token('without-nodes', namespaceLine);
      expect((await the().get('/v1/nodes', secret)).status).toBe(403);
    });

    test('on namespaces shows an empty node where a build runs', async () => {
      const secret = await token('without-namespaces', nodeLine);
      const path = `/v1/node/${the().under.nodes[0]?.id}/allocations`;
      expect(await the().get(path, secret)).toMatchObject({ status: 200, body: [] });
    });
  });
};
