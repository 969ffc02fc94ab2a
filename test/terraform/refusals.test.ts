import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { drainHook, emptyStack } from '../lib/stacks.ts';
import { propertiesOf } from './by-cdk.ts';
import { BY_CLIENTS, EVERYTHING, ONE, type Variables } from './cases.ts';
import { MODULE, make } from './module.ts';

const refusals = (given: Variables) => make({ ...ONE, ...given }).problems;

function isRefusedByCdk(given: Variables): boolean {
  try {
    const stack = emptyStack();
    drainHook(propertiesOf({ ...ONE, ...given }, stack), stack);
    return false;
  } catch {
    return true;
  }
}

/** Both sides of each limit of the construct. */
const LIMITS: Record<string, readonly number[]> = {
  deadline_seconds: [0, 1, 1.5, 172_200, 172_201, 172_801],
  kill_margin_seconds: [-1, 0, 0.5, 7200, 7201],
  grace_seconds: [-1, 0, 0.5, 3600, 3601],
  heartbeat_timeout_seconds: [29, 218, 219, 219.5, 7200, 7201],
  memory_size: [255, 256, 256.5, 10_240, 10_241],
};

describe('a number is refused where the construct refuses it', () => {
  test.each(Object.entries(LIMITS).flatMap(([name, numbers]) => numbers.map((number) => [name, number] as const)))(
    '%s = %d',
    (name, number) => {
      const problems = refusals({ [name]: number });
      expect(problems.length > 0).toBe(isRefusedByCdk({ [name]: number }));
      expect(problems.join()).toMatch(problems.length > 0 ? /^[a-z_.]+: / : /^$/);
    },
  );

  test.each([29, 30, 7200, 7201])('heartbeat_timeout_seconds = %d, where the deadline is short', (seconds) => {
    const given = { heartbeat_timeout_seconds: seconds, deadline_seconds: 60, kill_margin_seconds: 0 };
    expect(refusals(given).length > 0).toBe(isRefusedByCdk(given));
  });

  test.each([59, 60, 604_800, 604_801])('restore_after_seconds = %d', (seconds) => {
    const given = { restore_after_seconds: seconds, scheduled_maintenance: true };
    expect(refusals(given).length > 0).toBe(isRefusedByCdk(given));
  });

  test.each([0, 1, 3000, 3001])('only_idle_for_seconds = %d', (seconds) => {
    const given = { only_idle_for_seconds: seconds, choose_idle_first: true };
    expect(refusals(given).length > 0).toBe(isRefusedByCdk(given));
  });
});

describe('of a group', () => {
  const { heartbeat_timeout_seconds: _, memory_size: __, ...own } = LIMITS;
  const limits = {
    ...own,
    only_idle_for_seconds: [0, 1, 3000, 3001],
    restore_after_seconds: [59, 60, 604_800, 604_801],
  };
  const acts = { choose_idle_first: true, scheduled_maintenance: true };
  test.each(Object.entries(limits).flatMap(([name, numbers]) => numbers.map((number) => [name, number] as const)))(
    'a number is refused where the construct refuses it, by its name: %s = %d',
    (name, number) => {
      const given = { groups: { web: { ...acts, [name]: number } } };
      const problems = refusals(given);
      expect(problems.length > 0).toBe(isRefusedByCdk(given));
      expect(problems.join()).toMatch(problems.length > 0 ? new RegExp(`^groups\\["web"\\]\\.${name}: `) : /^$/);
    },
  );

  test.each<[string, Variables]>([
    ['groups["web"].on_timeout: must be CONTINUE or ABANDON, not "KEEP".', { groups: { web: { on_timeout: 'KEEP' } } }],
    ['groups["web"].job_meta: must be true or false, not 1.', { groups: { web: { job_meta: 1 } } }],
    ['groups: must be the name of a group: 1 to 255 characters', { groups: { 'build*': {} } }],
    ['groups: a group is named in group_names too: "builders".', { groups: { builders: { grace_seconds: 60 } } }],
    [
      'groups["web"].choose_idle_first: Nomad must be reached over HTTP',
      { nomad_address: null, nomad_via: 'ssm', groups: { web: { choose_idle_first: true } } },
    ],
    [
      'groups["web"].deadline_seconds: 7200 s and 600 s for what is killed after it are more than the hook can hold an instance: 6000 s',
      { deadline_seconds: 600, heartbeat_timeout_seconds: 60, groups: { web: { deadline_seconds: 7200 } } },
    ],
  ])('is refused, as by the construct: %s', (says, given) => {
    expect(refusals(given)).toEqual([expect.stringContaining(says)]);
    expect(isRefusedByCdk(given)).toBe(true);
  });

  test.each<[string, unknown]>([
    ['groups: must be a list or a map of groups, not "web".', 'web'],
    ['groups["web"]: must be an object with its options, not 5.', { web: 5 }],
    [
      'groups: must be the name of a group, or an object with group and its options, not {"grace_seconds":60}.',
      [{ grace_seconds: 60 }],
    ],
    ['groups: a group is named more than once: "web".', ['web', { group: 'web' }]],
    [
      'groups["web"].dedline_seconds: is no option of a group. There are deadline_seconds, ',
      { web: { dedline_seconds: 60 } },
    ],
    ['groups["web"].group: is no option of a group', { web: { group: 'api' } }],
    ['groups["web"].restore_after_seconds: needs rebalance', { web: { restore_after_seconds: 60 } }],
    ['groups["web"].only_idle_for_seconds: needs choose_idle_first.', { web: { only_idle_for_seconds: 60 } }],
  ])('is refused what no type lets pass: %s', (says, groups) => {
    expect(refusals({ groups })).toEqual([expect.stringContaining(says)]);
  });

  test('everything that is wrong is refused at once', () => {
    const groups = { web: { grace_seconds: 'x', on_timeout: 'KEEP' }, api: { job_meta: 'x' } };
    const [problem, ...others] = refusals({ groups });
    expect(others).toEqual([]);
    expect(problem?.match(/groups\["\w+"\]\.\w+/g)).toEqual([
      ...['groups["web"].grace_seconds', 'groups["web"].on_timeout', 'groups["api"].job_meta'],
    ]);
  });

  test('what is given for all may be for it alone', () => {
    const given = { only_idle_for_seconds: 60, restore_after_seconds: 60, service_linked_role_suffix: 'x' };
    expect(refusals({ ...given, groups: { web: acts } })).toEqual([]);
    expect(refusals({ ...given, groups: { web: {} } })).toHaveLength(3);
  });

  test('a deadline for all that the hook cannot hold is refused, unless each has another', () => {
    const given = { deadline_seconds: 7200, heartbeat_timeout_seconds: 60, groups: { web: { deadline_seconds: 600 } } };
    for (const group_names of [['builders'], []]) {
      expect(refusals({ ...given, group_names }).length > 0).toBe(group_names.length > 0);
      expect(isRefusedByCdk({ ...given, group_names })).toBe(group_names.length > 0);
    }
  });
});

describe('a text is refused where the construct refuses it', () => {
  const SECRET = '6f2f2b4e-8a2a-4d6e-9c52-1f1d2a3b4c5d';
  const addresses = ['https://nomad', 'http://10.0.0.1:4646', 'https://[fd00::1]:4646', 'https://n:4646/'].concat(
    ['https://n:4646/path', 'https://n?a=b', 'https://n#a', 'https://u:p@n', 'https://u@n', 'HTTPS://n', 'http:\\\\n'],
    ['ftp://nomad', 'nomad:4646', 'https://', 'https://a b', 'https://nomad:port', '//nomad', ''],
  );
  const parameters = [
    '/nomad/ca',
    'nomad-ca',
    'a.b',
    SECRET,
    `/${SECRET}`,
    'eyJhbGciOi.eyJzdWIi.c2ln',
    'LS0tLS1CRUdJTg==',
    '',
    '/nomad/ca:3',
    'nomad-ca:latest',
    'nomad/ca',
    '/nomad//ca',
    '/nomad/',
  ];
  test.each([
    ...addresses.map((address) => ['nomad_address', address] as const),
    ...['nomad_token_parameter', 'nomad_ca_parameter'].flatMap((name) =>
      parameters.map((each) => [name, each] as const),
    ),
    ...['nomad_region', 'nomad_node_meta_key', 'nomad_server_name', 'nomad_login'].map((name) => [name, ''] as const),
    ...['a', 'a'.repeat(255), 'a'.repeat(256), ''].map((name) => ['hook_name', name] as const),
  ])('%s = "%s"', (name, value) => {
    expect(refusals({ [name]: value }).length > 0).toBe(isRefusedByCdk({ [name]: value }));
  });

  test.each(['client_certificate', 'client_key'])('%s', (kind) => {
    const pair = { nomad_client_certificate_parameter: '/c', nomad_client_key_parameter: '/k' };
    expect(refusals(pair)).toEqual([]);
    expect(refusals({ ...pair, [`nomad_${kind}_parameter`]: SECRET })).toHaveLength(1);
  });
});

describe('what does not fit together is refused, as by the construct', () => {
  const network = { vpc_id: 'vpc-11111111', subnet_ids: ['subnet-11111111'] };
  const address = { nomad_address: null };
  const clients = { ...address, nomad_via: 'clients', ...network };
  test.each<[string, Variables]>([
    ['group_names: must name at least one group.', { group_names: [] }],
    ['group_names: a group is named more than once: "builders".', { group_names: ['builders', 'builders'] }],
    [
      'nomad_address: must be http:// or https:// with a host and a port, and nothing else, not "nomad.internal:4646".',
      { nomad_address: 'nomad.internal:4646' },
    ],
    [
      'nomad_address: must be http:// or https:// with a host and a port, and nothing else, not "https://…@nomad/…".',
      { nomad_address: 'https://drain:hunter2@nomad/ui?token=6f2f2b4e' },
    ],
    [
      'nomad_address: must be http:// or https:// with a host and a port, and nothing else.',
      { nomad_address: '6f2f2b4e-8a2a-4d6e-9c52-1f1d2a3b4c5d' },
    ],
    [
      'nomad_fallback_addresses: must be http:// or https:// with a host and a port, and nothing else, not "https://n/…".',
      { nomad_fallback_addresses: ['https://nomad', 'https://n/v1'] },
    ],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of IAM's
    ...['builders-*', 'arn:aws:autoscaling', 'b?', '${aws:username}'].map((name): [string, Variables] => [
      `group_names: must be the name of a group: 1 to 255 characters, without : * ? or \${, not ${JSON.stringify(name)}.`,
      { group_names: ['builders', name] },
    ]),
    ['hook_name: must be the name of a hook: 1 to 255 letters, digits, - _ /, not "a hook".', { hook_name: 'a hook' }],
    ['nomad_token_parameter: must have no version', { nomad_token_parameter: '/nomad/token:3' }],
    ['nomad_token_parameter: must begin with a slash', { nomad_token_parameter: 'nomad/token' }],
    ['deadline_seconds: must be a whole number from 1 to 172800, not 0.5.', { deadline_seconds: 0.5 }],
    ['nomad_login: there is a nomad_token_parameter too', { nomad_login: 'aws', nomad_token_parameter: '/t' }],
    ['nomad_client_certificate_parameter, nomad_client_key_parameter: a cert', { nomad_client_key_parameter: '/k' }],
    [
      'nomad_client_certificate_parameter, nomad_client_key_parameter: a cert',
      { nomad_client_certificate_parameter: '/c' },
    ],
    [
      'nomad_client_certificate_parameter, nomad_client_key_parameter, nomad_server_name: need an https',
      { nomad_address: 'http://n', nomad_server_name: 's' },
    ],
    ['nomad_fallback_addresses: not of the same scheme', { nomad_fallback_addresses: ['http://n'] }],
    [
      'nomad_fallback_addresses: must be at most six addresses, not 7.',
      { nomad_fallback_addresses: Array(7).fill('https://n') },
    ],
    ['choose_idle_first: Nomad must be reached over HTTP', { ...address, nomad_via: 'ssm', choose_idle_first: true }],
    ['vpc_id, security_group_ids, vpc_endpoints: no subnet_ids', { vpc_endpoints: true }],
    ['subnet_ids: missing: the private addresses of Nomad clients', { ...address, nomad_via: 'clients' }],
    [
      'nomad_client_certificate_parameter, nomad_client_key_parameter, nomad_server_name: need an https',
      { ...clients, nomad_server_name: 'client.global.nomad' },
    ],
    ['nomad_client_port: must be a port, 1 to 65535, not 65536.', { ...clients, nomad_client_port: 65_536 }],
    ['nomad_client_port: must be a port, 1 to 65535, not 0.5.', { ...clients, nomad_client_port: 0.5 }],
    ['nomad_client_scheme: must be http or https, not "tcp".', { ...clients, nomad_client_scheme: 'tcp' }],
    [
      'nomad_token_parameter: must be the name of a parameter',
      { nomad_token_parameter: '6f2f2b4e-8a2a-4d6e-9c52-1f1d2a3b4c5d' },
    ],
    ['nomad_region: must not be empty', { nomad_region: '' }],
    ['outside_ec2_datacenters: must not be empty', { outside_ec2_datacenters: ['onprem', ''] }],
    ['outside_ec2_node_pools: must not be empty', { outside_ec2_node_pools: [''] }],
    [
      'deadline_seconds: 7200 s and 600 s for what is killed after it are more than the hook can hold an instance: 6000 s',
      { deadline_seconds: 7200, heartbeat_timeout_seconds: 60 },
    ],
  ])('%s', (says, given) => {
    expect(refusals(given)).toEqual([expect.stringContaining(says)]);
    expect(isRefusedByCdk(given)).toBe(true);
  });

  test.each<[string, Variables]>([
    ['nomad_address: missing.', address],
    ['nomad_via = "ssm": nomad_address,', { nomad_via: 'ssm' }],
    ['nomad_gateway: needs nomad_via', { nomad_gateway: { tag: 'Role', value: 'server' } }],
    ['nomad_audience: belongs to nomad_login', { nomad_audience: 'nomad' }],
    ['restore_after_seconds: needs rebalance_recommendations or', { restore_after_seconds: 60 }],
    ['only_idle_for_seconds: needs choose_idle_first', { only_idle_for_seconds: 60 }],
    ['service_linked_role_suffix: needs choose_idle_first', { service_linked_role_suffix: 'x' }],
    ['create_test_event_registry: needs test_events', { create_test_event_registry: true }],
    ['vpc_id: missing: a security group', { subnet_ids: network.subnet_ids }],
    ['name: must have from 1 to 37 letters, digits and hyphens, not "a name".', { name: 'a name' }],
    ['3288 or 3653, not 10.', { log_retention_days: 10 }],
    ['subnet_ids: must be like subnet-0123abcd, not "vpc-11111111".', { subnet_ids: ['vpc-11111111'] }],
    ['nomad_via: must be http, clients or ssm, not "https".', { nomad_via: 'https' }],
    [
      'nomad_via = "clients": nomad_address and nomad_fallback_addresses have',
      { ...clients, nomad_address: 'https://n' },
    ],
    [
      'nomad_via = "clients": nomad_address and nomad_fallback_addresses have',
      { ...clients, nomad_fallback_addresses: ['https://n'] },
    ],
    ['nomad_client_scheme, nomad_client_port: need nomad_via = "clients".', { nomad_client_scheme: 'https' }],
    ['nomad_client_scheme, nomad_client_port: need nomad_via = "clients".', { nomad_client_port: 4646 }],
    ['nomad_gateway: needs nomad_via', { ...clients, nomad_gateway: { tag: 'Role', value: 'server' } }],
    ['runtime: must be nodejs22.x or nodejs24.x, not "nodejs18.x".', { runtime: 'nodejs18.x' }],
    ['role_path: must begin and end with a slash, not "nomad".', { role_path: 'nomad' }],
    ['permissions_boundary: must be the ARN of a policy, like', { permissions_boundary: 'boundary' }],
    ['package.sha256: must be a SHA-256', { package: { file: 'a.zip', sha256: 'abc' } }],
    ['package: must have either file', { package: { sha256: 'a'.repeat(64) } }],
    ['package: must have either file', { package: { file: 'a.zip', s3_key: 'k', sha256: 'a'.repeat(64) } }],
  ])('%s (what the types of the construct, or the app, do not let pass)', (says, given) => {
    expect(refusals(given)).toEqual(expect.arrayContaining([expect.stringContaining(says)]));
  });

  test('a message does not repeat what may be a secret', () => {
    const secret = '6f2f2b4e-8a2a-4d6e-9c52-1f1d2a3b4c5d';
    const names = ['token', 'ca', 'client_certificate', 'client_key'].map((name) => `nomad_${name}_parameter`);
    for (const name of names) expect(refusals({ [name]: `-----BEGIN ${secret}` }).join()).not.toContain(secret);
  });
});

test('of groups that do not fit it is said how many do', () => {
  const groups = Object.fromEntries(
    Array.from({ length: 200 }, (_, index) => [`${index}`.padStart(20, 'g'), { deadline_seconds: 1800 }]),
  );
  const [, fit] = /About (\d+) of the groups \(200\) fit/.exec(refusals({ group_names: [], groups }).join()) ?? [];
  const some = (count: number) => Object.fromEntries(Object.entries(groups).slice(0, count));
  expect(refusals({ group_names: [], groups: some(Number(fit)) })).toEqual([]);
  expect(refusals({ group_names: [], groups: some(Number(fit) + 1) })).toHaveLength(1);
});

describe('README.md says how many groups fit about, with every option chosen', () => {
  const page = readFileSync(join(MODULE, 'README.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (\d+) \| (\d+) \|$/gm)].map(([, length, groups]) => [
    Number(length),
    Number(groups),
  ]);
  const problems = (count: number, length: number) =>
    refusals({
      ...EVERYTHING,
      group_names: Array.from({ length: count }, (_, index) => `${index}`.padStart(length, 'g')),
    });

  test('for short and for long names', () => {
    expect(rows.map(([length]) => length)).toEqual([10, 30, 60]);
  });

  test.each(rows)('with names of %i characters: %i, but not a tenth more', (length, groups) => {
    expect(problems(groups!, length!)).toEqual([]);
    expect(problems(groups! * 1.1, length!)).toEqual([
      expect.stringMatching(/^group_names: .* (Lambda takes 4096|10240 characters that IAM takes)\. /),
    ]);
  });
});

describe('what the construct warns of is warned of', () => {
  test.each<[string, Variables]>([
    ['heartbeat_timeout_seconds: a hook of 60 s may lapse', { heartbeat_timeout_seconds: 60, deadline_seconds: 600 }],
    ['nomad_address: Nomad is reached over plain HTTP', { nomad_address: 'http://nomad.internal:4646' }],
    ['nomad_client_scheme: Nomad is reached over plain HTTP', { ...BY_CLIENTS, nomad_address: null }],
  ])('%s', (says, given) => {
    expect(make({ ...ONE, ...given }).warnings).toEqual([expect.stringContaining(says)]);
    expect(make({ ...ONE, ...given }).problems).toEqual([]);
  });

  test('and nothing else: not of plain HTTP where there is no address', () => {
    expect(make(EVERYTHING)).toMatchObject({ problems: [], warnings: [] });
    expect(make({ ...ONE, nomad_address: null }).warnings).toEqual([]);
    expect(make({ ...ONE, nomad_address: null, nomad_via: 'ssm' }).warnings).toEqual([]);
    expect(make({ ...BY_CLIENTS, nomad_client_scheme: 'https' })).toMatchObject({ problems: [], warnings: [] });
  });
});
