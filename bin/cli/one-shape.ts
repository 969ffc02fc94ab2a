/** What every answer in JSON has, whatever the command. */
export interface Envelope {
  /** The command. */
  run: string;
  /** When what it shows was seen, ISO 8601. */
  at: string;
  /** What an operator should fix. */
  warnings: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * An answer in the shape that all answers in JSON have: the envelope first, and one name for one thing, at any depth.
 * @param keeps the answer is the function's: its own names stay beside those of the command line
 */
export function inOneShape({ run, at, warnings }: Envelope, answer: object, keeps: boolean): object {
  return { run, at, warnings, ...(named({ ...answer, run, at, warnings }, keeps) as object) };
}

function named(value: unknown, keeps: boolean): unknown {
  if (Array.isArray(value)) return value.map((each) => named(each, keeps));
  if (typeof value !== 'object' || value === null) return value;
  const fields = value as Fields;
  const entries = Object.entries(fields).flatMap(([key, field]) => {
    const name = nameOf(key, fields);
    const its = named(field, keeps);
    // Of "node" there would be two meanings.
    const stays = keeps && name !== key && key !== 'node';
    return stays
      ? [
          [key, its],
          [name, its],
        ]
      : [[name, its]];
  });
  return Object.fromEntries(entries);
}

/** The one name of a field. In answers of the function `id` is of an allocation or a node, and `node` in places a name. */
function nameOf(key: string, its: Fields): string {
  const isNode = 'id' in its && 'nodePool' in its;
  const isAllocation = 'id' in its && 'taskGroup' in its;
  switch (key) {
    case 'instanceId':
      return 'instance';
    case 'nodeId':
      return 'node';
    case 'id':
      return isNode ? 'node' : isAllocation ? 'allocation' : key;
    case 'name':
      return isNode ? 'nodeName' : key;
    case 'node':
      return isAllocation || 'nodeId' in its ? 'nodeName' : key;
    default:
      return key;
  }
}
