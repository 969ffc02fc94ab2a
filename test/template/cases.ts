import { CONFIG_VARIABLE, type Config, parseConfig } from '../../lambda/config/config.ts';
import type { Json } from '../lib/stacks.ts';

export const REQUIRED = { NomadAddress: 'https://nomad.internal:4646', CodeBucket: 'code', CodeKey: 'drain.zip' };
export const ONE = { ...REQUIRED, GroupNames: 'builders' };
/** Where Nomad is asked through the clients of the groups: there is no address then. */
export const BY_CLIENTS = {
  CodeBucket: 'code',
  CodeKey: 'drain.zip',
  GroupNames: 'builders',
  NomadVia: 'clients',
  SubnetIds: 'subnet-11111111,subnet-22222222',
  SecurityGroupIds: 'sg-11111111',
};
export const EVERYTHING = {
  ...REQUIRED,
  GroupNames: 'builders, runners,gpu.large',
  NomadTokenParameter: '/nomad/drain-token',
  NomadCaParameter: '/nomad/ca',
  NomadServerName: 'server.global.nomad',
  OutsideEc2Datacenters: 'onprem,office',
  OutsideEc2NodePools: 'macs',
  SubnetIds: 'subnet-11111111,subnet-22222222',
  SecurityGroupIds: 'sg-11111111',
  DeadlineSeconds: '5400',
  KillMarginSeconds: '90',
  GraceSeconds: '45',
  IgnoreSystemJobs: 'true',
  OnTimeout: 'ABANDON',
  JobMeta: 'true',
  SpotInterruptions: 'true',
  RebalanceRecommendations: 'cordon',
  ScheduledMaintenance: 'true',
  RestoreAfterSeconds: '1800',
  PurgeNodes: 'true',
  ChooseIdleFirst: 'true',
  OnlyIdleForSeconds: '1200',
  AdmitWhenReady: 'true',
  ReadyTimeoutSeconds: '1500',
  Drivers: 'docker,exec',
  AwaitSystemJobs: 'true',
  LaunchHookName: 'ready',
  HookName: 'drain',
  HeartbeatTimeoutSeconds: '1790',
  AlarmTopicArn: 'arn:aws:sns:eu-west-1:111122223333:platform',
  RunbookUrl: 'https://wiki.example.com/drains',
};

export const ofType = (resources: Record<string, Json>, type: string): Json[] =>
  Object.values(resources).filter((resource) => resource.Type === type);

/** The configuration that the function in a made stack reads. */
export function configIn(resources: Record<string, Json>): Config {
  const [handler] = ofType(resources, 'AWS::Lambda::Function');
  return parseConfig(handler.Properties.Environment.Variables[CONFIG_VARIABLE]);
}
