import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { RE2JS } from 're2js';
import { entriesOf, text, type Value } from './value.ts';

/**
 * A function of Terraform's language that our module uses.
 * @throws Error for one that it does not use
 */
export function call(name: string, args: readonly Value[]): Value {
  const known = FUNCTIONS[name];
  if (!known) throw new Error(`not known here: ${name}()`);
  return known(...args);
}

function mapped(value: Value): Value {
  if (Array.isArray(value) || typeof value !== 'object') throw new Error('must be a map or an object');
  return value;
}

const unique = (items: Value[]) => items.filter((item, index) => items.indexOf(item) === index);

const FUNCTIONS: Record<string, (...args: Value[]) => Value> = {
  anytrue: (items) => items.includes(true),
  alltrue: (items) => items.every((item: Value) => item === true),
  ceil: Math.ceil,
  chunklist: (items, size) =>
    items.flatMap((_: Value, place: number) => (place % size ? [] : [items.slice(place, place + size)])),
  coalesce: (...values) => {
    const found = values.find((value: Value) => value !== null && value !== '');
    if (found === undefined) throw new Error('no non-null, non-empty-string arguments');
    return found;
  },
  compact: (items) => items.filter((item: Value) => item !== null && item !== ''),
  concat: (...lists) => lists.flat(1),
  contains: (items, item) => items.includes(item),
  distinct: unique,
  file: (path) => readFileSync(path, 'utf8'),
  fileexists: existsSync,
  filesha256: (path) => createHash('sha256').update(readFileSync(path)).digest('hex'),
  flatten: (lists) => lists.flat(Number.POSITIVE_INFINITY),
  floor: Math.floor,
  join: (by, items) => items.map(text).join(by),
  jsondecode: (given) => JSON.parse(given),
  jsonencode: (value) => JSON.stringify(value),
  keys: (map) => entriesOf(mapped(map)).map(([key]) => key),
  length: (of) => {
    if (typeof of === 'string') return [...of].length;
    return entriesOf(of).length;
  },
  lookup: (map, key, otherwise) => (key in map ? map[key] : otherwise),
  lower: (given) => text(given).toLowerCase(),
  max: (...numbers) => Math.max(...numbers),
  merge: (...maps) => Object.assign({}, ...maps),
  min: (...numbers) => Math.min(...numbers),
  one: (items) => {
    if (items.length > 1) throw new Error('must be a list with one element or none');
    return items[0] ?? null;
  },
  parseint: (digits, base) => {
    const number = Number.parseInt(digits, base);
    if (Number.isNaN(number)) throw new Error(`no number: ${digits}`);
    return number;
  },
  range: (end) => Array.from({ length: end }, (_, place) => place),
  // Terraform's patterns are RE2's.
  regex: (pattern, given) => {
    const found = RE2JS.compile(pattern).matcher(text(given));
    if (!found.find()) throw new Error('pattern did not match any part of the given string');
    return found.group();
  },
  // Between slashes is a pattern.
  replace: (given, what, by) =>
    /^\/.+\/$/.test(what)
      ? RE2JS.compile(what.slice(1, -1)).matcher(given).replaceAll(by)
      : given.replaceAll(what, () => by),
  setproduct: (one, other) => one.flatMap((left: Value) => other.map((right: Value) => [left, right])),
  slice: (items, from, to) => items.slice(from, to),
  split: (by, given) => given.split(by),
  startswith: (given, prefix) => text(given).startsWith(prefix),
  substr: (given, offset, length) => given.slice(offset, offset + length),
  tobool: (given) => {
    if (given === null || typeof given === 'boolean') return given;
    if (given !== 'true' && given !== 'false') throw new Error(`no bool: ${given}`);
    return given === 'true';
  },
  tomap: (map) => map,
  tonumber: (given) => {
    if (given === null || typeof given === 'number') return given;
    if (typeof given !== 'string' || !/^-?\d+(\.\d+)?$/.test(given)) throw new Error(`no number: ${given}`);
    return Number(given);
  },
  tostring: (given) => (given === null ? null : text(given)),
  toset: (items) => unique(items).toSorted(),
  trimprefix: (given, prefix) => (given.startsWith(prefix) ? given.slice(prefix.length) : given),
  values: (map) => entriesOf(mapped(map)).map(([, value]) => value),
};
