import type { ConfigProblem } from '../../lambda/errors.ts';
import type { SettingName } from './schema.ts';

/** What settings were called before, and are called now. The old names still work; a warning tells the new one. */
export const RENAMED: Readonly<Record<string, SettingName>> = {
  nomadToken: 'nomadTokenParameter',
  nomadCa: 'nomadCaParameter',
  nomadClientCertificate: 'nomadClientCertificateParameter',
  nomadClientKey: 'nomadClientKeyParameter',
};

/** A setting that was given under its old name. */
export interface Renamed {
  readonly old: string;
  readonly now: SettingName;
}

/** Settings under the names of today. */
export interface UnderNewNames {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly renamed: readonly Renamed[];
  /** Those that are given under both names. */
  readonly twice: readonly ConfigProblem[];
}

/** Takes the old names for the new ones. */
export function underNewNames(given: Readonly<Record<string, unknown>>): UnderNewNames {
  const renamed = Object.entries(RENAMED).flatMap(([old, now]) => (old in given ? [{ old, now }] : []));
  const settings = { ...given };
  for (const { old, now } of renamed) {
    settings[now] ??= given[old];
    delete settings[old];
  }
  const twice = renamed.flatMap(({ old, now }) =>
    now in given ? [{ path: [old], id: undefined, message: `is the old name of ${now}, which is given too` }] : [],
  );
  return { settings, renamed, twice };
}

/** The problem under the name that its author wrote. */
export function asWritten(problem: ConfigProblem, renamed: readonly Renamed[]): ConfigProblem {
  const [name, ...rest] = problem.path;
  const old = renamed.find(({ now }) => now === name)?.old;
  return old === undefined ? problem : { ...problem, path: [old, ...rest] };
}
