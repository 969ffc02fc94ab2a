export {
  type HttpAccessProps,
  type LoginProps,
  NomadAccess,
  type NomadDocument,
  type Parameter,
} from './nomad-access.ts';
export { NomadDrainHook } from './nomad-drain-hook.ts';
export type { DrainedGroup, DrainPolicy, LifecycleHookOptions, NomadDrainHookProps } from './props.ts';
