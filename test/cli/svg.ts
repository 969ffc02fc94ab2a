import { escaped } from '../../scripts/svg.ts';
import type { StyledLine } from './display.ts';

/** Of one character, in pixels. */
const WIDTH = 8.4;
const HEIGHT = 18;
const MARGIN = 16;
const INK = '#e6edf3';
const PAPER = '#0d1117';
/** The first eight colours of a terminal, on dark ground. */
const COLORS = ['#6e7681', '#ff7b72', '#3fb950', '#d29922', '#58a6ff', '#bc8cff', '#39c5cf', INK];

/** Draws what stands on a terminal. Each stretch of text is at its column, whatever the font of the reader. */
export function draw(lines: readonly StyledLine[], description: string): string {
  const columns = Math.max(
    ...lines.map((line) => line.reduce((end, { at, text }) => Math.max(end, at + text.length), 0)),
  );
  const [width, height] = [columns * WIDTH + 2 * MARGIN, lines.length * HEIGHT + 2 * MARGIN];
  const texts = lines.flatMap((line, row) =>
    line.map(({ at, text, color, bold, dim }) => {
      const place = `x="${round(MARGIN + at * WIDTH)}" y="${MARGIN + row * HEIGHT + 13}"`;
      const style = `fill="${color === undefined ? INK : (COLORS[color] ?? INK)}"${bold ? ' font-weight="700"' : ''}${dim ? ' opacity="0.6"' : ''}`;
      return `<text ${place} ${style} textLength="${round(text.length * WIDTH)}">${escaped(text)}</text>`;
    }),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${height}" width="${round(width)}" height="${height}" role="img"`,
    ' font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">',
    `<title>${escaped(description)}</title>`,
    `<rect width="100%" height="100%" rx="6" fill="${PAPER}"/>`,
    ...texts,
    '</svg>\n',
  ].join('\n');
}

const round = (value: number) => Math.round(value * 10) / 10;
