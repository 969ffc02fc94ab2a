import { stripVTControlCharacters } from 'node:util';

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a terminal must not get from a name
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * An answer without what would move the cursor, colour the screen or worse: names of jobs, nodes and errors are whatever
 * was once given to Nomad. Line breaks and tabs stay.
 */
export function printable<Value>(value: Value): Value {
  if (typeof value === 'string') return stripVTControlCharacters(value).replace(CONTROL, '') as Value;
  if (Array.isArray(value)) return value.map(printable) as Value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [printable(key), printable(each)])) as Value;
}
