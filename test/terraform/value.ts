// biome-ignore lint/suspicious/noExplicitAny: an expression gives any value; a wrong guess fails the test
export type Value = any;

/** A value whose attributes are told one by one, when they are asked for. */
export interface Lazy {
  attribute(name: string): Value;
}

export const isLazy = (value: Value): value is Lazy => typeof value?.attribute === 'function';

/** A value as a part of a text. */
export function text(value: Value): string {
  if (value === null || typeof value === 'object') throw new Error(`${JSON.stringify(value)} is no text`);
  return String(value);
}

/** What a collection holds, in Terraform's order: that of a list, else of the keys. */
export function entriesOf(collection: Value): [string | number, Value][] {
  if (Array.isArray(collection)) return [...collection.entries()];
  if (typeof collection !== 'object' || collection === null || isLazy(collection))
    throw new Error(`not to be iterated over: ${JSON.stringify(collection)}`);
  return Object.keys(collection)
    .toSorted()
    .map((name) => [name, collection[name]]);
}
