/** A figure, measured so many times; beside it what somebody else needs for the same, in the same run. */
export interface Row {
  figure: string;
  unit: 'ms' | 'instances' | 'requests' | 'calls' | 'bytes' | 'kB' | 'MB' | '$';
  samples: readonly number[];
  rival?: { name: string; samples: readonly number[] };
  /** How it was measured or reckoned, where that is not obvious. */
  note?: string;
}

/** What `npm run bench` measures under one name. */
export type Figure = () => Promise<Row[]>;

/** Rounds of what is measured by the wall clock. */
export const ROUNDS = 7;

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

/** The least-squares line through points: value = base + slope × at. */
export function straightLine(points: readonly { at: number; value: number }[]): { base: number; slope: number } {
  const mean = (of: (point: { at: number; value: number }) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean(({ at }) => at), mean(({ value }) => value)];
  const slope = mean(({ at, value }) => (at - x) * (value - y)) / mean(({ at }) => (at - x) ** 2);
  return { base: y - slope * x, slope };
}

const digits = (unit: Row['unit'], value: number) => {
  if (unit === '$') return Math.abs(value) < 0.1 ? 4 : 2;
  return unit === 'instances' || unit === 'requests' || unit === 'calls' || unit === 'bytes' ? 0 : value < 10 ? 1 : 0;
};

const told = (unit: Row['unit'], value: number) =>
  value.toLocaleString('en', {
    minimumFractionDigits: unit === '$' ? 2 : 0,
    maximumFractionDigits: digits(unit, value),
  });

function cellsOf(unit: Row['unit'], samples: readonly number[]): string[] {
  const spread = `${told(unit, Math.min(...samples))} – ${told(unit, Math.max(...samples))}`;
  return [told(unit, median(samples)), samples.length === 1 ? '' : spread];
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

const TITLES = ['figure', 'unit', 'median', 'min – max', 'rounds', 'rival', 'median', 'min – max', 'note'];

/** The head of a Markdown table of rows. */
export const HEAD = [line(TITLES), line(TITLES.map(() => '---'))].join('\n');

/** A row of that table. What was measured once has no spread: it is counted or reckoned. */
export function lineOf({ figure, unit, samples, rival, note = '' }: Row): string {
  const beside = rival ? [rival.name, ...cellsOf(unit, rival.samples)] : ['', '', ''];
  return line([figure, unit, ...cellsOf(unit, samples), String(samples.length), ...beside, note]);
}

/** The rows for a program: the samples, and what the table says of them. */
export function json(rows: readonly Row[]): string {
  const of = (samples: readonly number[]) => ({
    median: median(samples),
    min: Math.min(...samples),
    max: Math.max(...samples),
    samples,
  });
  const plain = rows.map(({ samples, rival, ...row }) => ({
    ...row,
    ...of(samples),
    ...(rival && { rival: { name: rival.name, ...of(rival.samples) } }),
  }));
  return JSON.stringify(plain, null, 2);
}
