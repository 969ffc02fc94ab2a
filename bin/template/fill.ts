import type { Json } from './either.ts';

/** What to put where. */
export interface Filling {
  /** What stands for each parameter. */
  readonly standIns: Readonly<Record<string, string | number>>;
  /** The parameters that are lists. */
  readonly lists: readonly string[];
  /** Parts of texts that need more than the parameter: as they are, and as Fn::Sub takes them. */
  readonly texts: readonly (readonly [from: string, to: string])[];
  /** Texts that as a whole become something else than a text. */
  readonly values: Readonly<Record<string, object>>;
  /** Further variables of Fn::Sub. */
  readonly variables: Readonly<Record<string, object>>;
}

/** The value with parameters in place of their stand-ins. A list that holds nothing but a stand-in becomes the parameter. */
export function fill(value: Json, filling: Filling): Json {
  if (Array.isArray(value)) {
    const list = value.length === 1 && parameterOf(value[0], filling);
    return list && filling.lists.includes(list) ? { Ref: list } : value.map((item) => fill(item, filling));
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, filling)]));
  }
  if (typeof value === 'string' && Object.hasOwn(filling.values, value)) return filling.values[value];
  const parameter = parameterOf(value, filling);
  if (parameter) return { Ref: parameter };
  return typeof value === 'string' ? fillText(value, filling) : value;
}

const parameterOf = (value: unknown, { standIns }: Filling): string | undefined =>
  Object.keys(standIns).find((name) => standIns[name] === value);

function fillText(text: string, { standIns, texts, variables }: Filling): Json {
  const replacements = new Map(texts);
  for (const [name, standIn] of Object.entries(standIns)) replacements.set(String(standIn), `\${${name}}`);
  // The longest first: one text may hold several stand-ins. A number only where it is not a part of another.
  const longest = [...replacements.keys()].sort((a, b) => b.length - a.length);
  const pattern = longest
    .map((each) => (/^\d+$/.test(each) ? `\\b${each}\\b` : each.replaceAll(/\W/g, '\\$&')))
    .join('|');
  if (!RegExp(pattern).test(text)) return text;
  // What looks like a variable of Fn::Sub but is none is written with a "!".
  const plain = text.replaceAll('${', '${!');
  const filled = plain.replaceAll(RegExp(pattern, 'g'), (match) => replacements.get(match) ?? match);
  const used = Object.entries(variables).filter(([name]) => filled.includes(`\${${name}}`));
  return { 'Fn::Sub': used.length > 0 ? [filled, Object.fromEntries(used)] : filled };
}
