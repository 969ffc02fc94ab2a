/** A time for a reader, ISO 8601. @param time milliseconds since the epoch */
// biome-ignore lint/style/noRestrictedGlobals: it reads no clock.
export const iso = (time: number): string => new Date(time).toISOString();
