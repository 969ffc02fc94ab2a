import type { EpochMs } from './model/clock.ts';
/** The same items in lists of at most `size`. */
export const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));

/** A time for a reader, ISO 8601. */
// biome-ignore lint/style/noRestrictedGlobals: it reads no clock.
export const iso = (time: EpochMs): string => new Date(time).toISOString();

/** Times by name, ISO 8601; unknown ones are left out. */
export function inIso<Name extends string>(times: { readonly [name in Name]?: number | undefined }) {
  const known = Object.entries<number | undefined>(times).flatMap(([name, time]) =>
    time === undefined ? [] : [[name, iso(time)]],
  );
  return Object.fromEntries(known) as { [name in Name]?: string };
}

/** The message of an error, for a log line or a sentence. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
