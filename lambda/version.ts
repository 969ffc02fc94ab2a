/** Written in by the build. */
declare const NOMAD_DRAIN_HOOK_VERSION: string | undefined;

/** The version of the package that the function is of. */
export const VERSION = typeof NOMAD_DRAIN_HOOK_VERSION === 'string' ? NOMAD_DRAIN_HOOK_VERSION : 'of the sources';
