/** The Nomads that the emulator can be: those that the same cases were run on. */
export type Version = '1.6.10' | '1.8.4' | '1.11.3' | '2.0.6';

/** Whether a Nomad is of this release or a later one. What it does differs by the release that changed it. */
export const since = (version: string, release: string): boolean => {
  const [ours, theirs] = [numbersOf(version), numbersOf(release)];
  const differing = ours.findIndex((number, i) => number !== (theirs[i] ?? 0));
  return differing === -1 || (ours[differing] ?? 0) > (theirs[differing] ?? 0);
};

/** `2.0.6-dev` is 2.0.6. */
const numbersOf = (version: string): number[] => version.split('.').map((part) => Number.parseInt(part, 10));

/** Since 1.11 a build that a drain stopped at its deadline is not started elsewhere (hashicorp/nomad#26961). */
export const replacesDrainedBuilds = (version: Version): boolean => !since(version, '1.11.0');

/**
 * Since 1.11.2 one rule holds for allocations whose client is away, `lost_after` alone (#27053): `replace = false` without it
 * keeps none, and a node that is disconnected comes before a drain.
 */
export const onlyLostAfterKeeps = (version: Version): boolean => since(version, '1.11.2');

/** Since 2.0.3 a group of builds may have a `max_run_duration`; before, Nomad ignores the field. */
export const hasMaxRunDuration = (version: string): boolean => since(version, '2.0.3');

/** What an agent says that it is. */
export const buildOf = (version: Version): string => (version === '2.0.6' ? '2.0.6-dev' : version);
