/** A text as a value in a filter. Nomad reads it as Go does, and ends it at the first quote, also at an escaped one (1.6.10 and 2.0.6). */
export const quoted = (text: string): string => `"${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '\\u0022')}"`;

/** A text as part of a pattern, where it stands for itself. */
export const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
