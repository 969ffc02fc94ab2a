import { CASES } from './cases.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a plan holds is any JSON
type Json = any;

const SENTENCES = new Set([
  'with nothing but what is required',
  'with everything, for three groups',
  'through instances of the groups',
  'through instances with a tag',
  'through the clients of the groups',
  'inside a VPC, with a security group of its own and endpoints',
  'with groups that differ, by name',
  'with groups that differ, in a list, one of which alone asks which instances go',
  'without alarms',
  'with other numbers',
]);
/** Of the cases those in which each expression takes another way; a plan of one takes a second or more. */
export const WAYS = CASES.filter(([sentence]) => SENTENCES.has(sentence));
if (WAYS.length !== SENTENCES.size) throw new Error('a case has another name');

/** Terraform's own quotes around a key, which we leave out. */
const addressOf = ({ address }: Json) => address.replace(/^module\.\w+\./, '').replaceAll('"', '');

/** The resources as Terraform plans them, by address. */
export const resourcesOf = ({ resources }: Json): Record<string, Json> =>
  Object.fromEntries(
    resources.filter(({ mode }: Json) => mode === 'managed').map((each: Json) => [addressOf(each), each.values]),
  );

/** A value of ours and Terraform's, so that they can be compared: of Terraform's only what we have set, JSON parsed, sets sorted. */
export function comparable(value: Json, like: Json): Json {
  if (typeof value === 'string' && /^[[{]/.test(value)) return JSON.parse(value);
  if (Array.isArray(value)) {
    const items = value.map((item, index) => comparable(item, Array.isArray(like) ? like[index] : undefined));
    return items.every((item) => typeof item === 'string') ? items.toSorted() : items;
  }
  if (value && typeof value === 'object' && like && typeof like === 'object')
    return Object.fromEntries(Object.keys(like).map((key) => [key, comparable(value[key], like[key])]));
  return value;
}
