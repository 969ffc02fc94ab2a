/** What is written into pages that are otherwise written by hand. */

/** A table, with a line at its end. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return `${line(columns)}${line(columns.map(() => '---'))}${rows.map(line).join('')}`;
}

/**
 * A page with a text between its markers, `<!-- BEGIN_NAME -->` and `<!-- END_NAME -->`, in place of what is there.
 * @throws Error if the page has no such markers
 */
export function inserted(page: string, name: string, text: string): string {
  const begin = `<!-- BEGIN_${name} -->`;
  const end = `<!-- END_${name} -->`;
  const [before, rest = ''] = page.split(begin);
  const [old, after] = rest.split(end);
  if (old === undefined || after === undefined) throw new Error(`the page has no ${begin} … ${end}`);
  return `${before}${begin}\n${text}${end}${after}`;
}
