/** A time as Go marshals it: no trailing zeros in the fraction, and none of it where it is zero. */
export const rfc3339 = (ms: number): string =>
  new Date(ms).toISOString().replace(/\.(\d*?)0*Z$/, (_, digits: string) => (digits ? `.${digits}Z` : 'Z'));

/** Nomad keeps the times of LastDrain, and when a node's status changed, to the second. */
export const wholeSeconds = (ms: number): string => rfc3339(Math.floor(ms / 1000) * 1000);

const UNITS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a Go duration such as `1m30s`; undefined where it is none. */
export const goDuration = (text: string): number | undefined => {
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, value, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(value) * (UNITS[unit ?? ''] ?? 0);
  }
  return total;
};

/** Nanoseconds as Go prints a duration of whole seconds: `9s`, `1m30s`. */
export const printDuration = (nanoseconds: number): string => {
  const ms = nanoseconds / 1e6;
  if (ms < 1000) return `${ms}ms`;
  const seconds = (ms % 60_000) / 1000;
  const minutes = Math.floor(ms / 60_000);
  if (minutes === 0) return `${seconds}s`;
  return minutes < 60 ? `${minutes}m${seconds}s` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}s`;
};
