import { InvalidArgumentError } from '@commander-js/extra-typings';

const SECONDS: Record<string, number> = { m: 60, h: 3600, d: 86_400 };

/**
 * Reads an argument such as `90m`, in seconds.
 * @param pattern its number, and the letter of its unit: m, h or d
 * @param wanted what it has to be, for who gives something else
 */
export const durationIn =
  (pattern: RegExp, wanted: string) =>
  (text: string): number => {
    const [, number, unit = ''] = pattern.exec(text) ?? [];
    const seconds = Number(number) * (SECONDS[unit] ?? Number.NaN);
    if (seconds > 0) return seconds;
    throw new InvalidArgumentError(wanted);
  };

/** How far back, in seconds, such as `30m`, `12h` or `7d`. */
export const secondsBack = durationIn(
  /^(\d{1,5})([mhd])$/,
  'It must be a number of minutes, hours or days, such as 30m, 12h or 7d.',
);
