import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { since } from '../../emulators/nomad/version.ts';
import { job, obeys } from './contract-jobs.ts';
import { list, type Nomad, object } from './nomad-under-test.ts';

const NODE_WRITE = 'node { policy = "write" }\n';

const POLICIES: Record<string, string> = {
  'node-only': NODE_WRITE,
  'default-only': `${NODE_WRITE}namespace "default" { capabilities = ["read-job"] }`,
  drainer: `${NODE_WRITE}namespace "*" { capabilities = ["read-job"] }`,
  'drainer-logs': `${NODE_WRITE}namespace "*" { capabilities = ["read-job", "read-logs"] }`,
  'coarse-read': `${NODE_WRITE}namespace "*" { policy = "read" }`,
  'coarse-scale': `${NODE_WRITE}namespace "*" { policy = "scale" }`,
  'closer-pattern': `${NODE_WRITE}namespace "*" { policy = "read" }\nnamespace "c*" { capabilities = ["list-jobs"] }`,
  'denied-by-name': `${NODE_WRITE}namespace "*" { policy = "read" }\nnamespace "ci" { policy = "deny" }`,
  'jobs-only': 'namespace "*" { capabilities = ["read-job"] }',
};

/** One build runs in the namespace `ci`; what does each token see of it? */
export const aclCases = (the: () => Nomad): void => {
  const tokens: Record<string, string> = {};
  const from = (release: string) => since(the().under.version, release);
  /** hashicorp/nomad#27061: the coarse policy `scale` includes read-job. */
  const scaleReads = () => from('1.11.1');
  /** Since 1.10.1 a question about the own token is authenticated like any other. */
  const selfIsAuthenticated = () => from('1.10.1');
  const path = () => `/v1/node/${the().under.nodes[0]?.id}`;

  const token = async (body: object) => {
    const { status, text, body: made } = await the().send('POST', '/v1/acl/token', { Type: 'client', ...body });
    if (status !== 200) throw new Error(text);
    return String(object(made).SecretID);
  };

  beforeAll(async () => {
    await the().send('POST', '/v1/namespace', { Name: 'ci' });
    for (const [Name, Rules] of Object.entries(POLICIES)) {
      await the().send('POST', `/v1/acl/policy/${Name}`, { Name, Rules });
      tokens[Name] = await token({ Name, Policies: [Name] });
    }
    const role = await the().send('POST', '/v1/acl/role', { Name: 'hook', Policies: [{ Name: 'drainer' }] });
    tokens['role-only'] = await token({ Name: 'role-only', Roles: [{ ID: object(role.body).ID }] });
    tokens.anonymous = '';
    tokens.unknown = '00000000-1111-2222-3333-444444444444';
    tokens.management = the().under.managementToken;
  });

  describe('with one build in another namespace', () => {
    beforeEach(async () => {
      await the().run(job('secret', 'batch', obeys, { on: the().under.nodes[0]?.id ?? '', namespace: 'ci' }));
    });

    test('a token without read-job there is answered 200 and an empty list', async () => {
      const seen = async (name: string) => {
        const { body } = await the().get(`${path()}/allocations`, tokens[name]);
        return list(body).filter(({ JobID }) => JobID === 'secret').length;
      };
      const table = await Promise.all(
        Object.keys(POLICIES)
          .filter((name) => name !== 'jobs-only')
          .map(async (name) => [name, await seen(name)]),
      );
      expect(Object.fromEntries(table)).toEqual({
        'node-only': 0,
        'default-only': 0,
        drainer: 1,
        'drainer-logs': 1,
        'coarse-read': 1,
        'coarse-scale': scaleReads() ? 1 : 0,
        'closer-pattern': 0,
        'denied-by-name': 0,
      });
      expect(await seen('role-only')).toBe(1);
      expect(await seen('management')).toBe(1);
    });

    test('logs take read-logs, and a refusal is 500', async () => {
      const [allocation] = list((await the().get(`${path()}/allocations`)).body).filter((a) => a.JobID === 'secret');
      const log = `/v1/client/fs/logs/${allocation?.ID}?task=t&type=stderr&plain=true&origin=end&offset=2000`;
      expect(await the().get(log, tokens.drainer)).toMatchObject({ status: 500, text: 'Permission denied' });
      expect((await the().get(log, tokens['drainer-logs'])).status).toBe(200);
    });
  });

  test.each(['anonymous', 'unknown', 'jobs-only'])('%s may neither read nor drain nodes', async (name) => {
    const refused = { status: 403, text: 'Permission denied' };
    expect(await the().get('/v1/nodes', tokens[name])).toMatchObject(refused);
    expect(await the().get(`${path()}/allocations`, tokens[name])).toMatchObject(refused);
    expect(await the().send('POST', `${path()}/drain`, { DrainSpec: {} }, tokens[name])).toMatchObject(refused);
  });

  test('a token reads itself, its policies and its roles, and no others', async () => {
    const self = await the().get('/v1/acl/token/self', tokens['role-only']);
    const [role] = list(object(self.body).Roles ?? []);
    expect(self.body).toMatchObject({ Type: 'client', Policies: [], ExpirationTime: null });
    expect(role?.Name).toBe('hook');
    const read = async (resource: string) => (await the().get(`/v1/acl/${resource}`, tokens['role-only'])).status;
    expect(await read(`role/${role?.ID}`)).toBe(200);
    expect(await read('role/name/hook')).toBe(200);
    expect(await read('policy/drainer')).toBe(200);
    expect(await read('policy/node-only')).toBe(403);
    const { body } = await the().get('/v1/acl/policy/drainer', tokens['role-only']);
    expect(body).toMatchObject({
      RulesJSON: { Node: { Policy: 'write' }, Namespaces: [{ Name: '*', Policy: '', Capabilities: ['read-job'] }] },
    });
  });

  test('a coarse policy is written out as capabilities', async () => {
    const { body } = await the().get('/v1/acl/policy/coarse-scale', tokens['coarse-scale']);
    const [namespace] = list(object(object(body).RulesJSON).Namespaces ?? []);
    expect(namespace).toMatchObject({ Name: '*', Policy: 'scale' });
    expect(namespace?.Capabilities).toContain('scale-job');
    const capabilities = Array.isArray(namespace?.Capabilities) ? namespace.Capabilities : [];
    expect(capabilities.includes('read-job')).toBe(scaleReads());
  });

  test('a request about the own token says so if there is no token, or a wrong one', async () => {
    const anonymous = await the().get('/v1/acl/token/self', '');
    const unknown = await the().get('/v1/acl/token/self', tokens.unknown);
    if (selfIsAuthenticated()) {
      expect(anonymous).toMatchObject({ status: 200, body: { AccessorID: 'anonymous', Policies: ['anonymous'] } });
      expect(unknown).toMatchObject({ status: 403, text: 'Permission denied' });
    } else {
      expect(anonymous).toMatchObject({ status: 500, text: 'acl token lookup failed: missing secret id' });
      expect(unknown).toMatchObject({ status: 404, text: 'ACL token not found' });
    }
  });

  test('an expired token is refused', async () => {
    const brief = await token({ Policies: ['drainer'], ExpirationTTL: '3s' });
    expect((await the().get('/v1/nodes', brief)).status).toBe(200);
    await the().under.wait(4000);
    expect(await the().get('/v1/nodes', brief)).toMatchObject({ status: 403, text: 'Permission denied' });
    const self = await the().get('/v1/acl/token/self', brief);
    // Before, it is still described.
    expect([self.status, self.text]).toEqual(selfIsAuthenticated() ? [500, 'ACL token expired'] : [200, self.text]);
  });
};
