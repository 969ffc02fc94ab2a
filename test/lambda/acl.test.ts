import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../emulators/clock.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';
import { Loopback } from '../../emulators/server.ts';
import { RunClock } from '../../lambda/core/model/clock.ts';
import { judgeRules, type Rules, readPermissions } from '../../lambda/nomad/acl.ts';
import { NamedAgents } from '../../lambda/nomad/transport/agents.ts';
import { HttpTransport } from '../../lambda/nomad/transport/http.ts';
import type { NomadRequest } from '../../lambda/nomad/transport/transport.ts';
import { systemClock } from '../../lambda/system-clock.ts';

const NOW = Date.parse('2026-03-01T09:00:00Z');

const node = (Policy: string): Rules => ({ Node: { Policy }, Namespaces: null });
const namespace = (Name: string, ...Capabilities: string[]): Rules => ({
  Node: null,
  Namespaces: [{ Name, Capabilities }],
});
const ALL = 'namespace "*" { capabilities = ["read-job"] }';

/** Asks a Nomad with a token, or none; retries wait for nothing. */
const asker = (address: string, token?: string) => {
  const transport = new HttpTransport({
    agents: new NamedAgents([address]),
    token: token ? async () => ({ value: token }) : undefined,
  });
  const clock = new RunClock({ ...systemClock, sleep: async () => {} }, Number.POSITIVE_INFINITY);
  return (question: NomadRequest) => transport.ask(question, clock);
};

describe('what policies grant together', () => {
  const cases: [string, Rules[], { everyNamespace: boolean; missing: string[] }][] = [
    ['what is needed', [node('write'), namespace('*', 'read-job')], { everyNamespace: true, missing: [] }],
    ['nodes only', [node('write')], { everyNamespace: false, missing: [ALL] }],
    [
      'one namespace only',
      [node('write'), namespace('default', 'read-job')],
      { everyNamespace: false, missing: [ALL] },
    ],
    [
      'nodes to read only',
      [node('read'), namespace('*', 'read-job')],
      { everyNamespace: true, missing: ['node { policy = "write" }'] },
    ],
    [
      'nodes denied by one policy of two',
      [node('write'), node('deny'), namespace('*', 'read-job')],
      { everyNamespace: true, missing: ['node { policy = "write" }'] },
    ],
    [
      'all namespaces, but one of them with less: the more specific pattern wins',
      [node('write'), namespace('*', 'read-job'), namespace('secret', 'list-jobs')],
      { everyNamespace: false, missing: ['namespace "secret" { capabilities = ["read-job"] }'] },
    ],
    [
      'all namespaces, but some of them denied',
      [node('write'), namespace('*', 'read-job'), namespace('prod-*', 'read-job', 'deny')],
      { everyNamespace: false, missing: ['namespace "prod-*" { capabilities = ["read-job"] }'] },
    ],
    [
      'the same namespace by two policies, which add up',
      [node('write'), namespace('*', 'list-jobs'), namespace('*', 'read-job')],
      { everyNamespace: true, missing: [] },
    ],
    ['nothing', [], { everyNamespace: false, missing: ['node { policy = "write" }', ALL] }],
  ];
  it.each(cases)('%s', (_, rules, permissions) => {
    expect(judgeRules(rules)).toEqual(permissions);
  });
});

describe('what Nomad answers about a token', () => {
  let server: Loopback;
  afterEach(() => server?.close());

  /** A Nomad that answers these paths, and 404 to all others, in its own words. */
  const ask = async (answers: Record<string, [status: number, body: unknown]>) => {
    server = await Loopback.listen(({ url }) => {
      const what = url.pathname.includes('/role/') ? 'role' : 'policy';
      const [status, body] = answers[url.pathname] ?? [404, `ACL ${what} not found`];
      const headers = { 'X-Nomad-Index': '7', 'X-Nomad-KnownLeader': 'true' };
      return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
    });
    return readPermissions(asker(server.url, 'a-token'), 'the token', NOW);
  };
  const self = '/v1/acl/token/self';
  const client = { AccessorID: 'a', Type: 'client', Policies: null, Roles: null };
  const grants: [number, unknown] = [
    200,
    { RulesJSON: { Node: { Policy: 'write' }, Namespaces: [{ Name: '*', Capabilities: ['read-job'] }] } },
  ];
  const everything = { everyNamespace: true, missing: [] };
  const nothing = ['node { policy = "write" }', ALL];

  it('that ACLs are off, in the words of 1.6 and in those of 2.0', async () => {
    expect(await ask({ [self]: [400, 'ACL support disabled'] })).toEqual(everything);
    await server.close();
    expect(await ask({ [self]: [200, { ...client, AccessorID: 'acls-disabled' }] })).toEqual(everything);
  });

  it('that there is none, in the words of 1.6: then the anonymous policy counts', async () => {
    const none: [number, unknown] = [500, 'missing secret id'];
    expect(await ask({ [self]: none, '/v1/acl/policy/anonymous': grants })).toEqual(everything);
    await server.close();
    expect(await ask({ [self]: none })).toEqual({ everyNamespace: false, missing: nothing });
  });

  it('that it has expired, as 1.6 shows it and as 2.0 says it; and not before', async () => {
    const token = (ExpirationTime: string) => ({ ...client, Policies: ['drainer'], ExpirationTime });
    const answers = (time: string): Parameters<typeof ask>[0] => ({
      [self]: [200, token(time)],
      '/v1/acl/policy/drainer': grants,
    });
    await expect(ask(answers('2026-03-01T08:59:59Z'))).rejects.toThrow('the token has expired');
    expect(await ask(answers('2026-03-01T09:00:01Z'))).toEqual(everything);
    await expect(ask({ [self]: [500, 'ACL token expired'] })).rejects.toThrow(
      'the token has expired: create a new one',
    );
  });

  it('that Nomad does not know it, in the words of 1.6 and of 2.0; any other failure is said as it is', async () => {
    for (const answer of [
      [404, 'ACL token not found'],
      [403, 'Permission denied'],
    ] as [number, string][]) {
      await expect(ask({ [self]: answer })).rejects.toThrow(/^Nomad does not know the token: .* \d+ \w+/);
    }
    await expect(ask({ [self]: [500, 'No cluster leader'] })).rejects.toThrow(/^Nomad at .*500 No cluster leader$/);
  });

  it('that it has neither policies nor roles', async () => {
    expect(await ask({ [self]: [200, client] })).toEqual({ everyNamespace: false, missing: nothing });
  });

  it('that a policy or a role of it no longer exists, which grants nothing', async () => {
    const token = { ...client, Policies: ['gone', 'drainer'], Roles: [{ ID: 'r1' }] };
    expect(await ask({ [self]: [200, token], '/v1/acl/policy/drainer': grants })).toEqual(everything);
  });

  it('that a role of it has no policies, or may not be read: what that grants, or denies, is not known', async () => {
    const token = { ...client, Policies: ['drainer'], Roles: [{ ID: 'r1' }, { ID: 'r2' }] };
    const answers: Record<string, [number, unknown]> = {
      [self]: [200, token],
      '/v1/acl/role/r1': [200, { Policies: null }],
      '/v1/acl/role/r2': [403, 'Permission denied'],
      '/v1/acl/policy/drainer': grants,
    };
    const missing = ['a role that cannot be read'];
    expect(await ask(answers)).toEqual({ everyNamespace: false, missing });
  });

  it('that a policy of it may not be read: what it grants is not known', async () => {
    const answers: Record<string, [number, unknown]> = {
      [self]: [200, { ...client, Policies: ['hidden', 'empty'] }],
      '/v1/acl/policy/hidden': [403, 'Permission denied'],
      '/v1/acl/policy/empty': [200, { RulesJSON: { Node: null, Namespaces: [{ Name: '*', Capabilities: null }] } }],
    };
    const missing = ['node { policy = "write" }', ALL, 'policy hidden, which cannot be read and may deny'];
    expect(await ask(answers)).toEqual({ everyNamespace: false, missing });
  });

  it('that a policy cannot be read, which may deny what another grants', async () => {
    const answers: Record<string, [number, unknown]> = {
      [self]: [200, { ...client, Policies: ['hidden', 'drainer'] }],
      '/v1/acl/policy/hidden': [403, 'Permission denied'],
      '/v1/acl/policy/drainer': grants,
    };
    const missing = ['policy hidden, which cannot be read and may deny'];
    expect(await ask(answers)).toEqual({ everyNamespace: false, missing });
  });

  it('by a load balancer that a policy of it does not exist: that is not what Nomad says', async () => {
    const token = { ...client, Policies: ['drainer', 'other'] };
    const notNomad: [number, unknown] = [404, '404 page not found'];
    const answers: Parameters<typeof ask>[0] = {
      [self]: [200, token],
      '/v1/acl/policy/drainer': grants,
      '/v1/acl/policy/other': notNomad,
    };
    expect((await ask(answers)).everyNamespace).toBe(false);
  });

  it('nothing, because it fails: then nothing is known', async () => {
    await expect(ask({ [self]: [500, 'no'] })).rejects.toThrow(/token.self: 500$/);
    await server.close();
    const token = { ...client, Policies: ['drainer'] };
    await expect(ask({ [self]: [200, token], '/v1/acl/policy/drainer': [500, 'no'] })).rejects.toThrow(
      '/v1/acl/policy/drainer: 500',
    );
  });
});

describe('a token asks what it may do', () => {
  let nomad: NomadEmulator;
  afterEach(() => nomad?.close());
  let clock: ManualClock;
  const start = async (acl: boolean) => {
    clock = new ManualClock();
    nomad = await NomadEmulator.start({ clock, acl });
    nomad.policy('drainer', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
    nomad.policy('coarse', 'node { policy = "write" }\nnamespace "*" { policy = "read" }');
    nomad.policy('nodes', 'node { policy = "write" }');
  };
  const ask = (token?: string) => readPermissions(asker(nomad.url, token), 'the token in parameter /t', NOW);
  const everything = { everyNamespace: true, missing: [] };

  it('by its policies', async () => {
    await start(true);
    expect(await ask(nomad.token({ policies: ['drainer'] }))).toEqual(everything);
    expect(await ask(nomad.token({ policies: ['coarse'] }))).toEqual(everything);
    expect(await ask(nomad.token({ policies: ['nodes'] }))).toEqual({ everyNamespace: false, missing: [ALL] });
  });

  it('by the policies of its roles', async () => {
    await start(true);
    nomad.role('drain-hook', ['drainer']);
    expect(await ask(nomad.token({ roles: ['drain-hook'] }))).toEqual(everything);
  });

  it('as a management token, to which everything is granted', async () => {
    await start(true);
    expect(await ask(nomad.managementToken)).toEqual(everything);
  });

  it('with ACLs off, where nothing is hidden', async () => {
    await start(false);
    expect(await ask()).toEqual(everything);
  });

  it('without a token, where the anonymous policy is all there is', async () => {
    await start(true);
    expect((await ask()).everyNamespace).toBe(false);
  });

  it('that does not exist, and is refused', async () => {
    await start(true);
    await expect(ask('00000000-1111-2222-3333-444444444444')).rejects.toThrow(
      /^Nomad does not know the token in parameter \/t: .*403 Permission denied$/,
    );
  });

  it('that has expired, and says so', async () => {
    await start(true);
    const token = nomad.token({ policies: ['drainer'], ttl: 60 });
    await clock.advance(61_000);
    await expect(ask(token)).rejects.toThrow('the token in parameter /t has expired');
  });
});
