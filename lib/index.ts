export { ConfigError } from '../lambda/errors.ts';
export type { AlarmName, Alarms } from './alarms.ts';
export type { TestEventsOptions } from './console-test-events.ts';
export {
  type HttpAccessProps,
  type LoginProps,
  NomadAccess,
  type NomadDocument,
  type Parameter,
  type RunCommandAccessProps,
} from './nomad-access.ts';
export { NomadDrainHook } from './nomad-drain-hook.ts';
export type {
  DrainedGroup,
  DrainPolicy,
  LifecycleHookOptions,
  MonitoringOptions,
  NomadDrainHookProps,
} from './props.ts';
export type { Gateway } from './run-command.ts';
