/** A time for a reader, ISO 8601. @param time milliseconds since the epoch */
// biome-ignore lint/style/noRestrictedGlobals: it reads no clock.
export const iso = (time: number): string => new Date(time).toISOString();

/** Likewise by their names; unknown ones are left out. */
export function inIso<Name extends string>(times: { readonly [name in Name]?: number | undefined }) {
  const known = Object.entries<number | undefined>(times).flatMap(([name, time]) =>
    time === undefined ? [] : [[name, iso(time)]],
  );
  return Object.fromEntries(known) as { [name in Name]?: string };
}
