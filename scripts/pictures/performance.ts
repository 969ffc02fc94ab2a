import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { draw, INK, type Panel } from './plot.ts';

const PAGE = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));
const DESCRIPTION =
  'One sweep that drains and releases idle instances: its duration, its processor time and its requests by the number of waiting instances';

interface Point {
  waiting: number;
  value: number;
  low: number;
  high: number;
}

/** docs/performance.svg: the table under "How it grows" of docs/performance.md, which has what `npm run bench -- growth` measured. */
export function performancePicture(): Promise<string> {
  const rows = tableOf(readFileSync(PAGE, 'utf8').split('\n## How it grows\n')[1] ?? '');
  const panels = [
    { title: 'Duration of the sweep', unit: 'seconds', column: 3, per: 1000 },
    { title: 'Processor time of the function', unit: 'seconds', column: 1, per: 1000 },
    { title: 'Requests to Nomad and AWS', unit: 'requests', column: 4, per: 1 },
  ];
  return draw(
    {
      hconcat: panels.map(({ title, unit, column, per }) =>
        panel(
          title,
          unit,
          rows.map((row) => pointOf(row, column, per)),
        ),
      ),
      spacing: 90,
      bounds: 'flush',
    },
    DESCRIPTION,
  );
}

const tableOf = (section: string): string[][] =>
  [...section.matchAll(/^\| ([\d,]+ \|.*) \|$/gm)].map(([, row = '']) => row.split(' | '));

/** A cell has the median, its unit, and the spread if there is one: `62 ms (47–142)`. */
function pointOf(row: readonly string[], column: number, per: number): Point {
  const numbers = (cell = '') =>
    [...cell.replaceAll(',', '').matchAll(/\d+(?:\.\d+)?/g)].map(([number]) => Number(number));
  const [waiting = Number.NaN] = numbers(row[0]);
  const [value = Number.NaN, low = value, high = value] = numbers(row[column]).map((number) => number / per);
  return { waiting, value, low, high };
}

/** Medians, their spread, and the line of least squares. */
function panel(title: string, unit: string, values: Point[]): Panel {
  const x = { field: 'waiting', type: 'quantitative', title: 'waiting instances', axis: { tickCount: 5 } } as const;
  const y = { type: 'quantitative', title: unit, axis: { tickCount: 5 } } as const;
  return {
    title,
    width: 230,
    height: 190,
    data: { values },
    layer: [
      {
        transform: [{ regression: 'value', on: 'waiting' }],
        mark: { type: 'line', color: INK.blue, opacity: 0.5, clip: true },
        encoding: { x, y: { ...y, field: 'value' } },
      },
      {
        mark: { type: 'rule', color: INK.blue, strokeWidth: 2 },
        encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
      },
      {
        mark: { type: 'point', filled: true, size: 45, color: INK.blue, opacity: 1 },
        encoding: { x, y: { ...y, field: 'value' } },
      },
    ],
  };
}
