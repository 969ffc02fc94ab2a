/** Times of ours, milliseconds since the epoch, in ISO 8601 (UTC); unknown ones are left out. */
export function inIso<Name extends string>(times: { readonly [name in Name]?: number | undefined }) {
  const known = Object.entries<number | undefined>(times).flatMap(([name, time]) =>
    time === undefined ? [] : [[name, new Date(time).toISOString()]],
  );
  return Object.fromEntries(known) as { [name in Name]?: string };
}
