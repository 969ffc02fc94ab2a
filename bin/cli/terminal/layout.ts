import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

const ELLIPSIS = '…';

/** A text in at most this number of columns: cut with an ellipsis. The text has no colours yet. */
export function cut(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let kept = '';
  for (const character of text) {
    if (stringWidth(kept + character) > columns - 1) break;
    kept += character;
  }
  return `${kept}${ELLIPSIS}`;
}

/** A duration, as `say` writes it: it does not break across lines. */
const DURATION = /\d+ h \d+ min\b|\d+ (?:s|min|h|d)\b/g;
const NO_BREAK = '\u00a0';

/** Paragraphs wrapped to this number of columns, each line indented. A word that is longer than a line is broken. */
export function wrap(text: string, columns: number, indent = ''): string {
  const room = columns - stringWidth(indent);
  const held = text.replaceAll(DURATION, (duration) => duration.replaceAll(' ', NO_BREAK));
  const wrapped = Number.isFinite(room) ? wrapAnsi(held, Math.max(1, room), { hard: true }) : text;
  return wrapped
    .replaceAll(NO_BREAK, ' ')
    .split('\n')
    .map((line) => indent + line)
    .join('\n');
}

/** A cell of a table: its text, and how it is coloured once its width is known. */
export interface Cell {
  text: string;
  ink?: (text: string) => string;
}

interface TableOptions {
  /** How wide the table may be. @default as wide as it is */
  columns?: number;
  /** Before each line. */
  indent?: string;
  /** Which columns are numbers: they are aligned to the right. */
  right?: readonly number[];
  /** Which column gives way where the table is too wide: its cells are cut. The widest by default. */
  flexible?: number;
}

const GAP = '  ';

/** Rows of cells under each other; all rows have as many cells as the first. */
export function table(rows: readonly (readonly (Cell | string)[])[], options: TableOptions = {}): string {
  const { columns = Number.POSITIVE_INFINITY, indent = '', right = [] } = options;
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'string' ? { text: cell } : cell)));
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => stringWidth(row[column]?.text ?? ''))),
  );
  const flexible = options.flexible ?? widths.indexOf(Math.max(...widths));
  const excess = stringWidth(indent) + sum(widths) + GAP.length * (widths.length - 1) - columns;
  // A column is never made so narrow that it becomes useless.
  if (excess > 0) widths[flexible] = Math.max(LEAST, (widths[flexible] ?? 0) - excess);
  const lines = cells.map((row) =>
    row.map(({ text, ink = plain }, column) => {
      const width = widths[column] ?? 0;
      const shown = cut(text, width);
      const rest = ' '.repeat(Math.max(0, width - stringWidth(shown)));
      return right.includes(column) ? rest + ink(shown) : ink(shown) + rest;
    }),
  );
  return lines.map((line) => (indent + line.join(GAP)).trimEnd()).join('\n');
}

const LEAST = 6;
const plain = (text: string) => text;
const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
