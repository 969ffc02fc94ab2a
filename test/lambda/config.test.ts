import { describe, expect, it } from 'vitest';
import { type ConfigDocument, formatConfig, parseConfig } from '../../lambda/config/config.ts';
import { DEFAULT_POLICY } from '../../lambda/core/model/policy.ts';
import { ConfigError, type ConfigProblem, formatProblem } from '../../lambda/errors.ts';

const smallest: ConfigDocument = {
  groups: [{ name: 'builders', hook: 'nomad-drain' }],
  nomad: { via: 'http', address: 'https://nomad.internal:4646' },
};

/** What holds for a group that says nothing. */
const defaults = {
  policy: DEFAULT_POLICY,
  notices: { spot: true, rebalance: 'off', maintenance: false, restoreSeconds: 3600 },
  chooses: { on: false, onlyIdle: false, onlyIdleForSeconds: 900 },
  admission: {
    on: false,
    hook: 'nomad-ready',
    heartbeatTimeoutSeconds: 300,
    readyTimeoutSeconds: 900,
    drivers: [],
    awaitSystemJobs: false,
  },
  purge: false,
};

const withDefaults = {
  groups: [{ name: 'builders', hook: 'nomad-drain', ...defaults }],
  nomad: { ...smallest.nomad, outsideEc2: { datacenters: [], nodePools: [] } },
};

const refused = (text: string | undefined): readonly ConfigProblem[] => {
  try {
    parseConfig(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};
/** In words alone. */
const problems = (text: string | undefined) =>
  refused(text).map(({ path, message }) => formatProblem({ path, id: undefined, message }));

describe('the configuration document', () => {
  it('is read back as it was written, defaults filled in', () => {
    expect(parseConfig(formatConfig(smallest))).toEqual(withDefaults);
    const whole: ConfigDocument = {
      groups: [{ name: 'builders', hook: 'nomad-drain', heartbeatTimeoutSeconds: 900 }],
      nomad: {
        via: 'http',
        address: 'https://nomad.internal:4646',
        token: { parameter: '/t' },
        ca: { parameter: '/ca' },
        region: 'eu',
        nodeMetaKey: 'id',
        outsideEc2: { datacenters: ['onprem', 'office'], nodePools: ['macs'] },
      },
      policy: {
        deadlineSeconds: 60,
        killMarginSeconds: 5,
        graceSeconds: 0,
        ignoreSystemJobs: true,
        onTimeout: 'ABANDON',
        jobMeta: true,
      },
      notices: { spot: false, rebalance: 'cordon', maintenance: true, restoreSeconds: 600 },
      chooses: { on: true, onlyIdle: true, onlyIdleForSeconds: 600 },
      admission: {
        on: true,
        hook: 'ready',
        heartbeatTimeoutSeconds: 600,
        readyTimeoutSeconds: 1200,
        drivers: ['docker'],
        awaitSystemJobs: true,
      },
      purge: true,
    };
    const { groups, nomad, ...terms } = whole;
    expect(parseConfig(formatConfig(whole))).toEqual({ groups: [{ ...groups[0], ...terms }], nomad });
  });

  it('has for each group what the group says, and for the rest what it says for all', () => {
    const { groups } = parseConfig(
      formatConfig({
        ...smallest,
        groups: [
          { name: 'builders', hook: 'nomad-drain' },
          {
            name: 'web',
            hook: 'nomad-drain',
            policy: { deadlineSeconds: 1800, onTimeout: 'CONTINUE' },
            notices: { rebalance: 'drain' },
            chooses: { on: false },
            admission: { drivers: ['exec'] },
            purge: false,
          },
        ],
        policy: { deadlineSeconds: 7200, onTimeout: 'ABANDON', jobMeta: true },
        notices: { maintenance: true },
        chooses: { on: true, onlyIdle: true },
        admission: { on: true, drivers: ['docker'] },
        purge: true,
      }),
    );
    expect(groups).toEqual([
      {
        name: 'builders',
        hook: 'nomad-drain',
        policy: { ...DEFAULT_POLICY, deadlineSeconds: 7200, onTimeout: 'ABANDON', jobMeta: true },
        notices: { ...defaults.notices, maintenance: true },
        chooses: { on: true, onlyIdle: true, onlyIdleForSeconds: 900 },
        admission: { ...defaults.admission, on: true, drivers: ['docker'] },
        purge: true,
      },
      {
        name: 'web',
        hook: 'nomad-drain',
        policy: { ...DEFAULT_POLICY, deadlineSeconds: 1800, onTimeout: 'CONTINUE', jobMeta: true },
        notices: { ...defaults.notices, maintenance: true, rebalance: 'drain' },
        chooses: { on: false, onlyIdle: true, onlyIdleForSeconds: 900 },
        admission: { ...defaults.admission, on: true, drivers: ['exec'] },
        purge: false,
      },
    ]);
  });

  it('refuses one name for both hooks of a group: the second would replace the first', () => {
    const admission = { on: true, hook: 'nomad-drain' };
    expect(problems(JSON.stringify({ ...smallest, admission }))).toEqual([
      'admission.hook: must differ from the terminating hook of group builders: nomad-drain',
    ]);
  });

  it('names the field of a group that is wrong', () => {
    const groups = [{ ...smallest.groups[0], policy: { deadlineSeconds: 0 }, notices: { spot: 'yes' } }];
    expect(problems(JSON.stringify({ ...smallest, groups }))).toEqual([
      'groups[0].policy.deadlineSeconds: 0 s is less than the 1 s a deadline must be',
      'groups[0].notices.spot: Invalid input: expected boolean, received string',
    ]);
  });

  it.each([smallest.nomad, { via: 'ssm' as const, document: 'AskNomad' }])(
    'says which clients are no EC2 instances, however Nomad is asked: via $via',
    (access) => {
      const of = (outsideEc2: unknown) => JSON.stringify({ ...smallest, nomad: { ...access, outsideEc2 } });
      const { nomad } = parseConfig(of({ nodePools: ['macs'] }));
      expect(nomad.outsideEc2).toEqual({ datacenters: [], nodePools: ['macs'] });
      expect(
        refused(of({ datacenters: ['onprem', ''], pools: ['macs'] })).map(({ path, id }) => [...path, id]),
      ).toEqual([
        ['nomad', 'outsideEc2', 'datacenters', 1, 'nomad-drain-hook:emptyText'],
        ['nomad', 'outsideEc2', 'nomad-drain-hook:badValue'],
      ]);
    },
  );

  it('lets a group wait for idle instances for less than an hour: an instance refresh fails after that', () => {
    const waiting = (onlyIdleForSeconds: number) =>
      problems(JSON.stringify({ ...smallest, chooses: { onlyIdle: true, onlyIdleForSeconds } }));
    expect(waiting(3000)).toEqual([]);
    expect(waiting(3600)).toEqual([expect.stringMatching(/^chooses\.onlyIdleForSeconds: /)]);
  });

  it('is refused with every problem at once, each naming its field', () => {
    const text = JSON.stringify({
      groups: [{ name: 'builders' }, { name: '', hook: 'h' }],
      nomad: { via: 'http', address: 'nomad:4646', tokn: 'x' },
      policy: { deadlineSeconds: 0, graceSeconds: '120', onTimeout: 'KEEP' },
    });
    expect(problems(text).map((problem) => problem.split(':')[0])).toEqual([
      'groups[0].hook',
      'groups[1].name',
      'nomad.address',
      'nomad',
      'policy.deadlineSeconds',
      'policy.graceSeconds',
      'policy.onTimeout',
    ]);
  });

  it.each([
    'https://user:hunter2@nomad:4646',
    'https://hunter2@nomad:4646',
    'https://nomad:4646/hunter2',
    'https://nomad:4646?hunter2',
    'https://nomad:4646/#hunter2',
    'HTTPS://nomad:4646',
    'Http://nomad:4646',
    'https:\\\\nomad',
    'https://nomad:99999',
    'https:nomad',
  ])('is refused with an address that is more than scheme, host and port, without repeating it: %s', (address) => {
    for (const nomad of [
      { via: 'http', address },
      { via: 'http', address: 'https://nomad:4646', fallbackAddresses: [address] },
    ]) {
      const said = problems(JSON.stringify({ ...smallest, nomad })).join();
      expect(said).toContain('with a host and a port, and nothing else');
      expect(said).not.toContain('hunter2');
    }
  });

  it.each(['https://nomad', 'http://10.0.0.1:4646', 'https://[fd00::1]:4646', 'https://Nomad.example.com:443/'])(
    'takes %s',
    (address) => {
      expect(problems(JSON.stringify({ ...smallest, nomad: { via: 'http', address } }))).toEqual([]);
    },
  );

  it('is refused by values: where, what, and the id under which docs/construct.md says what to do', () => {
    const nomad = { via: 'http', address: 'https://a:4646', fallbackAddresses: ['https://b:4646', 'http://c:4646'] };
    const policy = { deadlineSeconds: 0, graceSeconds: '120' };
    expect(refused(JSON.stringify({ ...smallest, nomad, policy }))).toEqual([
      {
        path: ['nomad', 'fallbackAddresses', 1],
        id: 'nomad-drain-hook:mixedSchemes',
        message: 'not of the same scheme as address',
      },
      {
        path: ['policy', 'deadlineSeconds'],
        id: 'nomad-drain-hook:deadlineOutOfRange',
        message: '0 s is less than the 1 s a deadline must be',
      },
      {
        path: ['policy', 'graceSeconds'],
        id: 'nomad-drain-hook:badValue',
        message: expect.stringMatching(/expected number/),
      },
    ]);
    expect(() => parseConfig('{}')).toThrow(/\n {2}- nomad: .* \[nomad-drain-hook:badValue\]/);
  });

  it('may name one hook for all groups that name none of their own', () => {
    const { groups, ...rest } = smallest;
    const hook = { name: 'drain', heartbeatTimeoutSeconds: 900 };
    const text = JSON.stringify({ groups: [{ name: 'runners' }, ...groups], hook, ...rest });
    const runners = { name: 'runners', hook: 'drain', heartbeatTimeoutSeconds: 900 };
    expect(parseConfig(text)).toMatchObject({ groups: [runners, ...groups] });
    expect(problems(text.replace('900', '9')).map((problem) => problem.split(':')[0])).toEqual([
      'groups[0].heartbeatTimeoutSeconds',
      'hook.heartbeatTimeoutSeconds',
    ]);
    expect(problems(text.replace('"name":"drain"', '"nme":"drain"'))).toHaveLength(3);
  });

  it('is refused when a field is misspelt, which would silently get its default', () => {
    const text = JSON.stringify({ ...smallest, policy: { deadlineSecond: 60 } });
    expect(problems(text)).toEqual(['policy: Unrecognized key: "deadlineSecond"']);
  });

  it('is refused where what it says of TLS and of the token does not fit together', () => {
    const nomad = {
      via: 'http',
      address: 'http://nomad:4646',
      fallbackAddresses: ['https://other:4646'],
      token: { parameter: '/t' },
      login: { authMethod: 'aws' },
      clientKey: { parameter: '/k' },
    };
    expect(problems(JSON.stringify({ ...smallest, nomad })).toSorted()).toEqual([
      'nomad.clientCertificate: missing: clientKey needs its certificate',
      'nomad.clientKey: needs an https:// address',
      'nomad.fallbackAddresses[0]: not of the same scheme as address',
      'nomad.login: there is a token too: one of the two',
    ]);
  });

  it('is refused when a group is named twice, or none is', () => {
    const [group] = smallest.groups;
    expect(problems(JSON.stringify({ ...smallest, groups: [group, group] }))).toEqual([
      'groups: group builders is named more than once',
    ]);
    expect(problems(JSON.stringify({ ...smallest, groups: [] }))).toHaveLength(1);
  });

  it('is refused when it is missing, or no JSON', () => {
    expect(problems(undefined)).toEqual(['NOMAD_DRAIN_HOOK is not set']);
    expect(problems('{groups}')[0]).toContain('NOMAD_DRAIN_HOOK is not JSON');
  });
});
