import * as z from 'zod';
import type { ConfigProblem } from '../../lambda/errors.ts';
import { mustBe } from './kinds.ts';

const NAMES = 'names of Auto Scaling groups, separated by commas';
const WANTED = `${NAMES}, or a JSON list or map of groups with their settings`;
const NAME = /^[^:]{1,255}$/;

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The groups: names, separated by commas or in a list; objects with a name and settings of the group; or such settings by name. A
 * list and a map may be written as JSON.
 * @param settings those that a group may have
 */
export function groupList<Shape extends z.ZodRawShape>(settings: Shape) {
  const entry = z.strictObject(
    {
      group: z
        .string({
          error: ({ input }) =>
            input === undefined ? 'missing: the name of the group' : mustBe(NAMES).error({ input }),
        })
        .regex(NAME, mustBe(NAMES)),
      ...z.object(settings).partial().shape,
    },
    mustBe('the name of a group, or an object with "group" and its settings'),
  );
  return z
    .unknown()
    .transform((given, context) => {
      const groups = read(given);
      if (groups !== undefined) return groups;
      context.addIssue({ code: 'custom', message: mustBe(WANTED).error({ input: given }) });
      return z.NEVER;
    })
    .pipe(z.array(entry));
}

/** The groups as a list of objects; what is wrong in them stays as it is. Undefined if it is no list and no map. */
function read(given: unknown): unknown[] | undefined {
  const groups = parsed(given);
  if (typeof groups === 'string') return groups.split(',').map(named);
  if (Array.isArray(groups)) return groups.map((each) => (typeof each === 'string' ? named(each) : each));
  if (!isMap(groups)) return undefined;
  return Object.entries(groups).map(([group, settings]) => (isMap(settings) ? { ...settings, group } : settings));
}

const named = (name: string) => ({ group: name.trim() });

/** On the command line a list or a map is a text. */
function parsed(given: unknown): unknown {
  if (typeof given !== 'string' || !/^\s*[[{]/.test(given)) return given;
  try {
    return JSON.parse(given);
  } catch {
    return undefined;
  }
}

/** A problem of the groups under the keys that its author wrote: `groups[1].deadline`, or `groups.web.deadline` in a map. */
export function asGiven({ path, ...problem }: ConfigProblem, given: unknown): ConfigProblem {
  const [name, index, ...field] = path;
  if (name !== 'groups' || typeof index !== 'number') return { path, ...problem };
  const groups = parsed(given);
  const key = isMap(groups) ? Object.keys(groups)[index] : undefined;
  const isNameAlone =
    key !== undefined || typeof groups === 'string' || typeof (groups as unknown[])[index] === 'string';
  const rest = isNameAlone && field[0] === 'group' ? [] : field;
  return { path: [name, key ?? index, ...rest], ...problem };
}
