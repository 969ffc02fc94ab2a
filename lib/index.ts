export { ConfigError, type ConfigProblem } from '../lambda/errors.ts';
export {
  type ClientsAccessProps,
  type HttpAccessProps,
  type LoginProps,
  NomadAccess,
  type NomadCredentialsProps,
  type NomadNodesProps,
  type Parameter,
  type RunCommandAccessProps,
} from './access/nomad-access.ts';
export type { NomadDocument } from './access/nomad-document.ts';
export type { OutsideEc2 } from './access/outside-ec2.ts';
export type { Gateway } from './access/run-command.ts';
export type { TestEventsOptions } from './function/console-test-events.ts';
export type { AlarmName, Alarms } from './monitoring/alarms.ts';
export type { MetricName } from './monitoring/measured.ts';
export { NomadDrainHook } from './nomad-drain-hook.ts';
export type {
  AdmissionOptions,
  DrainedGroup,
  DrainPolicy,
  GroupOptions,
  IdleFirstOptions,
  LifecycleHookOptions,
  MonitoringOptions,
  NomadDrainHookProps,
  NoticeOptions,
} from './props.ts';
