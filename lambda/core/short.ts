import type { Logger } from './ports.ts';

/** A longer word is cut: Auto Scaling's names have up to 255 characters, and those of Nomad's jobs have no limit. */
const LONGEST_WORD = /\S{257,}/gu;
const KEPT_OF_WORD = 255;
/** A longer text is cut, in characters. */
const LONGEST_TEXT = 4_000;
/** What a task has written is handed on as it is: how much is read of it is bounded. */
const AS_IT_IS = ['stderr', 'text'];

/** A text for people: names and texts that are too long to read are cut. */
export function short(text: string): string {
  const cut = text.replace(
    LONGEST_WORD,
    (word) => `${[...word.slice(0, 2 * KEPT_OF_WORD)].slice(0, KEPT_OF_WORD).join('')}…`,
  );
  return cut.length <= LONGEST_TEXT ? cut : `${[...cut.slice(0, LONGEST_TEXT - 1)].join('')}…`;
}

/** The same of all texts in a value of JSON. */
export function shortened<T>(value: T): T {
  if (typeof value === 'string') return short(value) as T;
  if (Array.isArray(value)) return value.map(shortened) as T;
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, field]) => [
    name,
    AS_IT_IS.includes(name) ? field : shortened(field),
  ]);
  return Object.fromEntries(fields) as T;
}

/** A log whose records are cut, and carry what else each should say. */
export function inShort(logger: Logger, also: () => object): Logger {
  const write = (level: keyof Logger) => (message: string, fields: Record<string, unknown>) =>
    logger[level](message, { ...shortened(fields), ...also() });
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** A list in an answer has at most this, in bytes of JSON: Lambda answers with 6 MB at most, and refuses to send more. */
const MOST_BYTES = 4_000_000;

/** The first of these that fit into an answer, and how many do not. */
export function within<T>(all: readonly T[], mostBytes: number = MOST_BYTES): { kept: T[]; leftOut: number } {
  let left = mostBytes;
  let count = 0;
  for (const item of all) {
    left -= Buffer.byteLength(JSON.stringify(item)) + 1;
    if (left < 0) break;
    count += 1;
  }
  return { kept: all.slice(0, count), leftOut: all.length - count };
}
