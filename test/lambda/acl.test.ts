import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../lambda/clock.ts';
import { judgeRules, type Rules, readPermissions } from '../../lambda/nomad/acl.ts';
import { HttpTransport } from '../../lambda/nomad/http.ts';
import { ManualClock } from '../emulators/clock.ts';
import { NomadEmulator } from '../emulators/nomad/emulator.ts';

const node = (Policy: string): Rules => ({ Node: { Policy }, Namespaces: null });
const namespace = (Name: string, ...Capabilities: string[]): Rules => ({
  Node: null,
  Namespaces: [{ Name, Capabilities }],
});
const ALL = 'namespace "*" { capabilities = ["read-job"] }';

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

describe('a token asks what it may do', () => {
  let nomad: NomadEmulator;
  afterEach(() => nomad?.close());
  const start = async (acl: boolean) => {
    nomad = await NomadEmulator.start({ clock: new ManualClock(), acl });
    nomad.policy('drainer', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
    nomad.policy('coarse', 'node { policy = "write" }\nnamespace "*" { policy = "read" }');
    nomad.policy('nodes', 'node { policy = "write" }');
  };
  const ask = (token?: string) =>
    readPermissions(
      new HttpTransport({
        address: nomad.url,
        clock: systemClock,
        credentials: async () => ({ ...(token && { token }) }),
      }),
    );
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
    await expect(ask('00000000-1111-2222-3333-444444444444')).rejects.toThrow('403 Permission denied');
  });
});
