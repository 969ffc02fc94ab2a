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
export type { DrainedGroup, DrainPolicy, LifecycleHookOptions, NomadDrainHookProps } from './props.ts';
export type { Gateway } from './run-command.ts';
