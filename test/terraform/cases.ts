// biome-ignore lint/suspicious/noExplicitAny: a variable holds any value
type Json = any;

/** Values of the module's variables. */
export type Variables = Readonly<Record<string, Json>>;

const SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
export const PACKAGE = { s3_bucket: 'releases', s3_key: 'nomad-drain-hook.zip', sha256: SHA256 };
export const ONE: Variables = {
  package: PACKAGE,
  group_names: ['builders'],
  nomad_address: 'https://nomad.internal:4646',
};
const NETWORK = {
  vpc_id: 'vpc-11111111',
  subnet_ids: ['subnet-11111111', 'subnet-22222222'],
  security_group_ids: ['sg-11111111', 'sg-22222222'],
};
const TLS = {
  nomad_ca_parameter: '/nomad/ca',
  nomad_client_certificate_parameter: '/nomad/cert',
  nomad_client_key_parameter: 'nomad-key',
  nomad_server_name: 'server.global.nomad',
};

/** Everything that goes together with a login by HTTP, for three groups, and no value as by default. */
export const EVERYTHING: Variables = {
  ...TLS,
  ...NETWORK,
  name: 'drain',
  package: { ...PACKAGE, s3_object_version: 'v1' },
  group_names: ['builders', 'runners', 'gpu.large'],
  nomad_via: 'http',
  nomad_address: 'https://nomad.internal:4646',
  nomad_fallback_addresses: ['https://nomad-2.internal:4646'],
  nomad_login: 'aws',
  nomad_audience: 'builds',
  nomad_encryption_key_arn: 'arn:aws:kms:eu-west-1:111122223333:key/abc',
  nomad_region: 'eu',
  nomad_node_meta_key: 'instance',
  outside_ec2_datacenters: ['onprem', 'office'],
  outside_ec2_node_pools: ['macs'],
  deadline_seconds: 5400,
  kill_margin_seconds: 90,
  grace_seconds: 45,
  ignore_system_jobs: true,
  on_timeout: 'ABANDON',
  job_meta: true,
  hook_name: 'drain',
  heartbeat_timeout_seconds: 1790,
  hook_default_result: 'CONTINUE',
  spot_interruptions: false,
  rebalance_recommendations: 'cordon',
  scheduled_maintenance: true,
  restore_after_seconds: 1800,
  purge_nodes: true,
  choose_idle_first: true,
  only_idle_for_seconds: 1200,
  service_linked_role_suffix: 'builders',
  log_retention_days: 30,
  memory_size: 1024,
  alarm_topic_arn: 'arn:aws:sns:eu-west-1:111122223333:platform',
  runbook_url: 'https://wiki.example.com/drains',
  event_bus: 'arn:aws:events:eu-west-1:444455556666:event-bus/builds',
  test_events: true,
  create_test_event_registry: true,
  vpc_endpoints: true,
  tags: { team: 'builds', stage: 'production' },
  permissions_boundary: 'arn:aws:iam::111122223333:policy/boundary',
  role_path: '/nomad/',
};

const BY_SSM: Variables = { package: PACKAGE, group_names: ['builders', 'runners'], nomad_via: 'ssm' };

export const BY_CLIENTS: Variables = {
  package: PACKAGE,
  group_names: ['builders', 'runners'],
  nomad_via: 'clients',
  ...NETWORK,
};

/** What the module is compared with the construct for, each in a sentence. */
export const CASES: readonly (readonly [string, Variables])[] = [
  ['with nothing but what is required', ONE],
  ['with everything, for three groups', EVERYTHING],
  ['with a stored token', { ...ONE, nomad_token_parameter: '/nomad/drain-token' }],
  ['with a client certificate', { ...ONE, ...TLS }],
  ['with a login by its AWS identity', { ...ONE, nomad_login: 'aws' }],
  ['over plain HTTP', { ...ONE, nomad_address: 'http://nomad.internal:4646' }],
  ['through instances of the groups', BY_SSM],
  [
    'through instances with a tag',
    { ...BY_SSM, nomad_gateway: { tag: 'Role', value: 'nomad-server' }, nomad_region: 'eu', nomad_node_meta_key: 'id' },
  ],
  ['through instances, from inside a VPC', { ...BY_SSM, ...NETWORK, vpc_endpoints: true }],
  ['through the clients of the groups', BY_CLIENTS],
  [
    'through the clients of the groups, with TLS, a login and endpoints',
    {
      ...BY_CLIENTS,
      ...TLS,
      nomad_client_scheme: 'https',
      nomad_client_port: 4650,
      nomad_login: 'aws',
      nomad_region: 'eu',
      outside_ec2_datacenters: ['onprem'],
      security_group_ids: [],
      vpc_endpoints: true,
      choose_idle_first: true,
    },
  ],
  ['with clients outside EC2, by datacenter', { ...ONE, outside_ec2_datacenters: ['onprem'] }],
  ['with clients outside EC2, through instances', { ...BY_SSM, outside_ec2_node_pools: ['macs'] }],
  [
    'with no client outside EC2, by lists that are empty',
    { ...ONE, outside_ec2_datacenters: [], outside_ec2_node_pools: [] },
  ],
  ['inside a VPC', { ...ONE, ...NETWORK }],
  [
    'inside a VPC, with a security group of its own',
    { ...ONE, ...NETWORK, security_group_ids: [], choose_idle_first: true },
  ],
  [
    'inside a VPC, with a security group of its own and endpoints',
    { ...ONE, ...NETWORK, security_group_ids: [], vpc_endpoints: true, nomad_token_parameter: '/t' },
  ],
  ['that does nothing before an instance goes but at its lifecycle event', { ...ONE, spot_interruptions: false }],
  ['that drains where EC2 recommends it', { ...ONE, rebalance_recommendations: 'drain' }],
  ['that drains before maintenance', { ...ONE, scheduled_maintenance: true, restore_after_seconds: 60 }],
  ['that restores after an hour, as by default', { ...ONE, scheduled_maintenance: true, restore_after_seconds: 3600 }],
  ['that removes dead nodes', { ...ONE, purge_nodes: true }],
  ['that lets groups ask which instances go', { ...ONE, choose_idle_first: true }],
  ['that waits for idle instances', { ...ONE, choose_idle_first: true, only_idle_for_seconds: 900 }],
  ['that puts instances into service when their nodes are ready', { ...ONE, admit_when_ready: true }],
  [
    'that does so with drivers and system jobs, under another name, and not in all groups',
    {
      ...ONE,
      admit_when_ready: true,
      ready_timeout_seconds: 1200,
      drivers: ['docker', 'exec'],
      await_system_jobs: true,
      launch_hook_name: 'ready',
      groups: {
        api: { admit_when_ready: false },
        gpu: { drivers: ['docker', 'nvidia'], ready_timeout_seconds: 3600 },
      },
    },
  ],
  ['that does so in one group alone', { ...ONE, groups: { web: { admit_when_ready: true, await_system_jobs: true } } }],
  ['that retains what is abandoned', { ...ONE, on_timeout: 'ABANDON' }],
  [
    'with groups that differ, by name',
    {
      ...ONE,
      ...{
        deadline_seconds: 7200,
        rebalance_recommendations: 'drain',
        choose_idle_first: true,
        only_idle_for_seconds: 600,
      },
      groups: {
        api: {
          ...{ deadline_seconds: 1800, on_timeout: 'ABANDON', rebalance_recommendations: 'off' },
          only_idle_for_seconds: 60,
        },
        gpu: {
          deadline_seconds: 1800,
          kill_margin_seconds: 60,
          grace_seconds: 30,
          ignore_system_jobs: true,
          job_meta: true,
        },
        web: {
          ...{
            deadline_seconds: 1800,
            scheduled_maintenance: true,
            restore_after_seconds: 60,
            spot_interruptions: false,
          },
          ...{ purge_nodes: true, choose_idle_first: false },
        },
        worker: { deadline_seconds: 1800 },
        zone: { deadline_seconds: 1800, ignore_system_jobs: null },
      },
    },
  ],
  [
    'with groups that differ, in a list, one of which alone asks which instances go',
    {
      package: PACKAGE,
      nomad_address: 'https://nomad.internal:4646',
      spot_interruptions: false,
      groups: [
        'builders',
        { group: 'web', deadline_seconds: '600', spot_interruptions: 'true', choose_idle_first: true },
      ],
    },
  ],
  [
    'with so many times that an alarm does not list them',
    {
      ...ONE,
      groups: Object.fromEntries(
        Array.from({ length: 9 }, (_, index) => [`${index}`.padStart(60, 'g'), { deadline_seconds: 600 + index }]),
      ),
    },
  ],
  [
    'with a hook that ends as it is told, whatever the group',
    { ...ONE, hook_default_result: 'CONTINUE', groups: { web: { on_timeout: 'ABANDON' } } },
  ],
  ['without alarms', { ...ONE, alarms: false }],
  ['without a dashboard', { ...ONE, dashboard: false }],
  ['that tells a topic', { ...ONE, alarm_topic_arn: 'arn:aws:sns:eu-west-1:111122223333:platform' }],
  ['that tells a bus of its own', { ...ONE, event_bus: 'builds' }],
  ['with test events, in a registry that is there', { ...ONE, test_events: true }],
  ['with the runtime that provider 6 knows', { ...ONE, runtime: 'nodejs24.x', choose_idle_first: true }],
  ['with tags, through instances', { ...BY_SSM, tags: { team: 'builds' } }],
  ['that keeps its log for ever', { ...ONE, log_retention_days: 0 }],
  [
    'with other numbers',
    {
      ...ONE,
      deadline_seconds: 1021,
      kill_margin_seconds: 311,
      grace_seconds: 127,
      heartbeat_timeout_seconds: 283,
      restore_after_seconds: 3607,
      rebalance_recommendations: 'cordon',
    },
  ],
  ['with a short hook', { ...ONE, deadline_seconds: 60, kill_margin_seconds: 0, heartbeat_timeout_seconds: 31 }],
];
