/** The Nomads that the emulator can be, as far as they differ in what a drain rests on. */
export type Version = '1.6.10' | '1.8.4' | '2.0.6';

/** 2.0 does not start a build elsewhere that a drain stopped at its deadline; 1.6 and 1.8 do. */
export const replacesDrainedBuilds = (version: Version): boolean => version !== '2.0.6';

/** What an agent says that it is. */
export const buildOf = (version: Version): string => (version === '2.0.6' ? '2.0.6-dev' : version);
