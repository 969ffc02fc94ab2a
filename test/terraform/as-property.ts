import { Aspects, Duration, type Stack, Tags } from 'aws-cdk-lib';
import { DefaultResult } from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';

// biome-ignore lint/suspicious/noExplicitAny: a variable holds any value
type Json = any;

/** Properties of the construct; those of `nomad` as they are given to one of its static methods. */
export type Properties = Record<string, Json>;

interface AsProperty {
  /** The properties of the construct that it is: `DrainPolicy.deadline`. Empty where the CDK has it elsewhere: as an aspect of any stack, or not at all. */
  readonly properties: readonly string[];
  /** The setting of the app that it is. */
  readonly setting?: string;
  /** The properties as the construct takes them, merged with those of the other variables. */
  readonly give: (value: Json, stack: Stack) => Properties;
}

const seconds = (value: number) => Duration.seconds(value);
const nomad = (name: string, setting: string, by = ['HttpAccessProps']): AsProperty => ({
  properties: by.map((each) => `${each}.${name}`),
  setting,
  give: (value) => ({ nomad: { [name]: value } }),
});
const outsideEc2 = (name: string, setting: string): AsProperty => ({
  properties: [`OutsideEc2.${name}`],
  setting,
  give: (names) => ({ nomad: { outsideEc2: { [name]: names } } }),
});
const option = (
  group: string,
  [by, name]: [string, string],
  setting: string | undefined,
  convert: (value: Json) => Json = (value) => value,
): AsProperty => ({
  properties: [`${by}.${name}`],
  ...(setting && { setting }),
  give: (value) => ({ [group]: { [name]: convert(value) } }),
});
const ALL = ['HttpAccessProps', 'ClientsAccessProps', 'RunCommandAccessProps'];
const CREDENTIALS = ['NomadCredentialsProps'];

/** What each variable of the module is in the construct. A variable, a property or a setting that is missing here fails a test. */
export const AS_PROPERTY: Record<string, AsProperty> = {
  name: option('monitoring', ['MonitoringOptions', 'name'], 'stackName', (name) => `${name} (Terraform)`),
  // The CDK uploads the function itself.
  package: { properties: [], give: () => ({}) },
  group_names: {
    properties: ['NomadDrainHookProps.groups'],
    setting: 'groups',
    give: (groups) => ({ groups }),
  },
  groups: {
    properties: [
      ...['group', 'deadline', 'killMargin', 'grace', 'ignoreSystemJobs', 'onTimeout', 'jobMeta'],
      ...['notices', 'chooseIdleFirst', 'admitWhenReady', 'purgeNodes'],
    ].map((name) => `GroupOptions.${name}`),
    give: (own) => ({ own }),
  },
  nomad_via: { properties: ['NomadDrainHookProps.nomad'], setting: 'nomadVia', give: (via) => ({ via }) },
  nomad_client_scheme: nomad('scheme', 'nomadClientScheme', ['ClientsAccessProps']),
  nomad_client_port: nomad('port', 'nomadClientPort', ['ClientsAccessProps']),
  nomad_address: nomad('address', 'nomadAddress'),
  nomad_fallback_addresses: nomad('fallbackAddresses', 'nomadFallbackAddresses'),
  nomad_token_parameter: nomad('token', 'nomadTokenParameter', CREDENTIALS),
  nomad_login: {
    properties: ['NomadCredentialsProps.login', 'LoginProps.authMethod'],
    setting: 'nomadLogin',
    give: (authMethod) => ({ nomad: { login: { authMethod } } }),
  },
  nomad_audience: {
    properties: ['LoginProps.audience'],
    setting: 'nomadAudience',
    give: (audience) => ({ nomad: { login: { audience } } }),
  },
  nomad_ca_parameter: nomad('ca', 'nomadCaParameter', CREDENTIALS),
  nomad_client_certificate_parameter: nomad('clientCertificate', 'nomadClientCertificateParameter', CREDENTIALS),
  nomad_client_key_parameter: nomad('clientKey', 'nomadClientKeyParameter', CREDENTIALS),
  nomad_server_name: nomad('serverName', 'nomadServerName', ['HttpAccessProps', 'ClientsAccessProps']),
  nomad_encryption_key_arn: {
    properties: ['NomadCredentialsProps.encryptionKey'],
    give: (arn, stack) => ({ nomad: { encryptionKey: kms.Key.fromKeyArn(stack, 'Key', arn) } }),
  },
  nomad_gateway: {
    properties: ['RunCommandAccessProps.gateway', 'Gateway.tag', 'Gateway.value'],
    setting: 'nomadGateway',
    give: (gateway) => ({ nomad: { gateway } }),
  },
  nomad_region: nomad('region', 'nomadRegion', ALL),
  nomad_node_meta_key: nomad('nodeMetaKey', 'nomadNodeMetaKey', ['NomadNodesProps']),
  outside_ec2_datacenters: outsideEc2('datacenters', 'outsideEc2Datacenters'),
  outside_ec2_node_pools: outsideEc2('nodePools', 'outsideEc2NodePools'),
  deadline_seconds: option('policy', ['DrainPolicy', 'deadline'], 'deadline', seconds),
  kill_margin_seconds: option('policy', ['DrainPolicy', 'killMargin'], 'killMargin', seconds),
  grace_seconds: option('policy', ['DrainPolicy', 'grace'], 'grace', seconds),
  ignore_system_jobs: option('policy', ['DrainPolicy', 'ignoreSystemJobs'], 'ignoreSystemJobs'),
  job_meta: option('policy', ['DrainPolicy', 'jobMeta'], 'jobMeta'),
  on_timeout: option('policy', ['DrainPolicy', 'onTimeout'], 'onTimeout'),
  hook_name: option('hook', ['LifecycleHookOptions', 'name'], 'hookName'),
  heartbeat_timeout_seconds: option('hook', ['LifecycleHookOptions', 'heartbeatTimeout'], 'heartbeatTimeout', seconds),
  hook_default_result: option(
    'hook',
    ['LifecycleHookOptions', 'defaultResult'],
    'hookDefaultResult',
    (result: 'CONTINUE' | 'ABANDON') => DefaultResult[result],
  ),
  spot_interruptions: option('notices', ['NoticeOptions', 'spot'], 'spotInterruptions'),
  rebalance_recommendations: option('notices', ['NoticeOptions', 'rebalance'], 'rebalanceRecommendations'),
  scheduled_maintenance: option('notices', ['NoticeOptions', 'maintenance'], 'scheduledMaintenance'),
  restore_after_seconds: option('notices', ['NoticeOptions', 'restoreAfter'], 'restoreAfter', seconds),
  purge_nodes: {
    properties: ['NomadDrainHookProps.purgeNodes'],
    setting: 'purgeNodes',
    give: (purgeNodes) => ({ purgeNodes }),
  },
  admit_when_ready: {
    properties: ['NomadDrainHookProps.admitWhenReady'],
    setting: 'admitWhenReady',
    give: (admits) => ({ admitWhenReady: admits ? {} : false }),
  },
  ready_timeout_seconds: option('admitWhenReady', ['AdmissionOptions', 'readyTimeout'], 'readyTimeout', seconds),
  drivers: option('admitWhenReady', ['AdmissionOptions', 'drivers'], 'drivers'),
  await_system_jobs: option('admitWhenReady', ['AdmissionOptions', 'awaitSystemJobs'], 'awaitSystemJobs'),
  launch_hook_name: {
    properties: ['NomadDrainHookProps.launchHookName'],
    setting: 'launchHookName',
    give: (launchHookName) => ({ launchHookName }),
  },
  choose_idle_first: {
    properties: ['NomadDrainHookProps.chooseIdleFirst'],
    setting: 'chooseIdleFirst',
    give: (chosen) => (chosen ? { chooseIdleFirst: {} } : {}),
  },
  only_idle_for_seconds: option('chooseIdleFirst', ['IdleFirstOptions', 'onlyIdleFor'], 'onlyIdleFor', seconds),
  service_linked_role_suffix: option('chooseIdleFirst', ['IdleFirstOptions', 'serviceLinkedRoleSuffix'], undefined),
  log_retention_days: {
    properties: ['NomadDrainHookProps.logRetention'],
    // The CDK's word for ever is a number of days that CloudWatch Logs does not take.
    give: (days) => ({ logRetention: days === 0 ? 9999 : days }),
  },
  memory_size: {
    properties: ['NomadDrainHookProps.memorySize'],
    setting: 'memorySize',
    give: (memorySize) => ({ memorySize }),
  },
  alarm_topic_arn: {
    properties: ['MonitoringOptions.alarmTopic'],
    setting: 'alarmTopic',
    give: (arn, stack) => ({ monitoring: { alarmTopic: sns.Topic.fromTopicArn(stack, 'Topic', arn) } }),
  },
  runbook_url: option('monitoring', ['MonitoringOptions', 'runbookUrl'], 'runbookUrl'),
  alarms: option('monitoring', ['MonitoringOptions', 'alarms'], undefined),
  dashboard: option('monitoring', ['MonitoringOptions', 'dashboard'], undefined),
  event_bus: {
    properties: ['NomadDrainHookProps.eventBus'],
    setting: 'eventBus',
    give: (bus: string, stack) => ({
      eventBus: bus.startsWith('arn:')
        ? events.EventBus.fromEventBusArn(stack, 'Bus', bus)
        : events.EventBus.fromEventBusName(stack, 'Bus', bus),
    }),
  },
  test_events: {
    properties: ['NomadDrainHookProps.testEvents'],
    give: (made) => (made ? { testEvents: {} } : {}),
  },
  create_test_event_registry: option('testEvents', ['TestEventsOptions', 'createRegistry'], undefined),
  subnet_ids: {
    properties: ['NomadDrainHookProps.vpcSubnets'],
    setting: 'subnetIds',
    give: (ids: string[], stack) => ({
      vpcSubnets: {
        subnets: ids.map((id) => ec2.Subnet.fromSubnetAttributes(stack, id, { subnetId: id, routeTableId: id })),
      },
    }),
  },
  security_group_ids: {
    properties: ['NomadDrainHookProps.securityGroups'],
    setting: 'securityGroupIds',
    give: (ids: string[], stack) => ({
      securityGroups: ids.map((id) => ec2.SecurityGroup.fromSecurityGroupId(stack, id, id, { mutable: false })),
    }),
  },
  vpc_id: {
    properties: ['NomadDrainHookProps.vpc'],
    setting: 'vpcId',
    give: (vpcId, stack) => ({
      vpc: ec2.Vpc.fromVpcAttributes(stack, 'Vpc', { vpcId, availabilityZones: ['unknown'] }),
    }),
  },
  tags: {
    properties: [],
    give: (tags, stack) => {
      for (const [key, value] of Object.entries<string>(tags)) Tags.of(stack).add(key, value);
      return {};
    },
  },
  permissions_boundary: {
    properties: [],
    give: (arn, stack) => {
      iam.PermissionsBoundary.of(stack).apply(iam.ManagedPolicy.fromManagedPolicyArn(stack, 'Boundary', arn));
      return {};
    },
  },
  role_path: {
    properties: [],
    give: (path, stack) => {
      const visit = (each: unknown) => {
        if (each instanceof iam.CfnRole) each.path = path;
      };
      Aspects.of(stack).add({ visit });
      return {};
    },
  },
  // The construct has the runtime that its code is tested with.
  runtime: { properties: [], give: () => ({}) },
  vpc_endpoints: { properties: ['NomadDrainHookProps.vpcEndpoints'], give: (vpcEndpoints) => ({ vpcEndpoints }) },
};
