import { isDeepStrictEqual } from 'node:util';

// biome-ignore lint/suspicious/noExplicitAny: what a template holds is any JSON
export type Json = any;

const NO_VALUE = { Ref: 'AWS::NoValue' };

/**
 * One template of two that differ by an option: what both have stands as it is, what they do not share depends on the
 * condition.
 * @param condition the name of the condition that holds where the option is chosen
 */
export function eitherTemplate(condition: string, chosen: Json, otherwise: Json): Json {
  const ids = new Set([...Object.keys(chosen.Resources), ...Object.keys(otherwise.Resources)]);
  const resources = [...ids].map((id) => {
    const [one, other] = [chosen.Resources[id], otherwise.Resources[id]];
    if (one && other) return [id, eitherResource(condition, one, other)];
    if (one && !one.Condition) return [id, { ...one, Condition: condition }];
    throw new Error(
      `${id} is not there with every choice of options: a resource may depend on one option, by being added`,
    );
  });
  return { ...chosen, Resources: Object.fromEntries(resources) };
}

function eitherResource(condition: string, one: Json, other: Json): Json {
  const { DependsOn: before, ...rest } = one;
  const { DependsOn: otherBefore, ...otherRest } = other;
  // CloudFormation knows no condition here, and needs none: what is listed exists either way.
  const all = [...new Set([...(before ?? []), ...(otherBefore ?? [])])];
  return { ...either(condition, rest, otherRest), ...(all.length > 0 && { DependsOn: all }) };
}

function either(condition: string, one: Json, other: Json): Json {
  if (isDeepStrictEqual(one, other)) return one;
  const depends = { 'Fn::If': [condition, one, other] };
  if (Array.isArray(one) && Array.isArray(other)) return eitherList(condition, one, other);
  if (isText(one) && isText(other)) return eitherText(condition, one, other);
  if (!isRecord(one) || !isRecord(other)) return depends;
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  if (keys.length === 1 && keys[0] === 'Fn::Join') return eitherJoin(condition, one['Fn::Join'], other['Fn::Join']);
  if (keys.some((key) => key === 'Ref' || key.startsWith('Fn::'))) return depends;
  const value = (record: Json, key: string) => (key in record ? record[key] : NO_VALUE);
  return Object.fromEntries(keys.map((key) => [key, either(condition, value(one, key), value(other, key))]));
}

/** Lists in the same order, of which each may lack items. An item is known by its `Sid`, or by all of itself. */
function eitherList(condition: string, one: readonly Json[], other: readonly Json[]): Json[] {
  const key = (item: Json) => item?.Sid ?? JSON.stringify(item);
  const rest = [...other];
  const list: Json[] = [];
  const onlyOther = (items: Json[]) => list.push(...items.map((item) => ({ 'Fn::If': [condition, NO_VALUE, item] })));
  for (const item of one) {
    const place = rest.findIndex((each) => key(each) === key(item));
    if (place < 0) list.push({ 'Fn::If': [condition, item, NO_VALUE] });
    else {
      onlyOther(rest.splice(0, place));
      list.push(either(condition, item, rest.shift()));
    }
  }
  onlyOther(rest);
  return list;
}

/** JSON documents: only the part in which they differ depends on the condition. */
function eitherText(condition: string, one: string, other: string): Json {
  const room = Math.min(one.length, other.length);
  let start = 0;
  while (start < room && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < room - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  const middle = [one, other].map((text) => text.slice(start, text.length - end));
  return { 'Fn::Join': ['', [one.slice(0, start), { 'Fn::If': [condition, ...middle] }, one.slice(one.length - end)]] };
}

function eitherJoin(condition: string, [by, one]: [string, Json[]], [otherBy, other]: [string, Json[]]): Json {
  if (by !== otherBy || one.length !== other.length)
    return { 'Fn::If': [condition, { 'Fn::Join': [by, one] }, { 'Fn::Join': [otherBy, other] }] };
  return { 'Fn::Join': [by, one.map((part, index) => either(condition, part, other[index]))] };
}

/** A JSON document, or the beginning of one. */
const isText = (value: unknown): value is string => typeof value === 'string' && value.startsWith('{');
const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
