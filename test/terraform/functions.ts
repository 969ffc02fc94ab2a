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

const unique = (items: Value[]) => items.filter((item, index) => items.indexOf(item) === index);

const FUNCTIONS: Record<string, (...args: Value[]) => Value> = {
  alltrue: (items) => items.every((item: Value) => item === true),
  ceil: Math.ceil,
  chunklist: (items, size) =>
    items.flatMap((_: Value, place: number) => (place % size ? [] : [items.slice(place, place + size)])),
  coalesce: (...values) => values.find((value: Value) => value !== null && value !== ''),
  compact: (items) => items.filter((item: Value) => item !== null && item !== ''),
  concat: (...lists) => lists.flat(1),
  contains: (items, item) => items.includes(item),
  distinct: unique,
  file: (path) => readFileSync(path, 'utf8'),
  fileexists: existsSync,
  filesha256: (path) => createHash('sha256').update(readFileSync(path)).digest('hex'),
  floor: Math.floor,
  join: (by, items) => items.map(text).join(by),
  jsondecode: (given) => JSON.parse(given),
  jsonencode: (value) => JSON.stringify(value),
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
  tomap: (map) => map,
  toset: (items) => unique(items).toSorted(),
  trimprefix: (given, prefix) => (given.startsWith(prefix) ? given.slice(prefix.length) : given),
};
