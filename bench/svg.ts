import { escaped } from '../scripts/svg.ts';

/** A line through points, and where the points lie. */
export interface Plot {
  title: string;
  /** Of the value axis. */
  unit: string;
  points: readonly { at: number; value: number; low?: number; high?: number }[];
  /** value = base + slope × at */
  line: { base: number; slope: number };
}

const WIDTH = 420;
const HEIGHT = 300;
const LEFT = 62;
const RIGHT = 16;
const TOP = 36;
const BOTTOM = 46;
const INK = '#24292f';
const GRID = '#d0d7de';
const POINT = '#0969da';

/** The least-squares line through the points. */
export function straightLine(points: readonly { at: number; value: number }[]): { base: number; slope: number } {
  const mean = (of: (point: { at: number; value: number }) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean(({ at }) => at), mean(({ value }) => value)];
  const slope = mean(({ at, value }) => (at - x) * (value - y)) / mean(({ at }) => (at - x) ** 2);
  return { base: y - slope * x, slope };
}

/** Draws plots side by side, as a picture that needs nothing else. */
export function draw(plots: readonly Plot[], xTitle: string, description: string): string {
  const width = WIDTH * plots.length;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT}" width="${width}" height="${HEIGHT}" role="img"`,
    ` font-family="system-ui, sans-serif" font-size="12" fill="${INK}">`,
    `<title>${escaped(description)}</title>`,
    `<rect width="${width}" height="${HEIGHT}" fill="#ffffff"/>`,
    ...plots.map((plot, index) => `<g transform="translate(${WIDTH * index} 0)">${panel(plot, xTitle)}</g>`),
    '</svg>\n',
  ].join('\n');
}

function panel({ title, unit, points, line }: Plot, xTitle: string): string {
  const xs = ticks(Math.max(...points.map(({ at }) => at)));
  const ys = ticks(Math.max(...points.map(({ value, high = value }) => high)));
  const [xMost, yMost] = [xs.at(-1) ?? 1, ys.at(-1) ?? 1];
  const x = (at: number) => round(LEFT + (at / xMost) * (WIDTH - LEFT - RIGHT));
  const y = (value: number) => round(HEIGHT - BOTTOM - (value / yMost) * (HEIGHT - TOP - BOTTOM));
  const floor = HEIGHT - BOTTOM;
  const last = Math.max(...points.map(({ at }) => at));
  return [
    `<text x="${LEFT}" y="20" font-weight="600">${escaped(title)}</text>`,
    ...ys.map(
      (value) =>
        `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}" stroke="${GRID}"/>` +
        `<text x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end">${value.toLocaleString('en')}</text>`,
    ),
    ...xs.map((at) => `<text x="${x(at)}" y="${floor + 17}" text-anchor="middle">${at.toLocaleString('en')}</text>`),
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${floor}" y2="${floor}" stroke="${INK}"/>`,
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${escaped(xTitle)}</text>`,
    `<text x="14" y="${(TOP + floor) / 2}" text-anchor="middle" transform="rotate(-90 14 ${(TOP + floor) / 2})">${escaped(unit)}</text>`,
    `<line x1="${x(0)}" y1="${y(Math.max(0, line.base))}" x2="${x(last)}" y2="${y(line.base + line.slope * last)}" stroke="${POINT}" stroke-opacity="0.5"/>`,
    ...points.map(
      ({ at, value, low = value, high = value }) =>
        `<line x1="${x(at)}" x2="${x(at)}" y1="${y(low)}" y2="${y(high)}" stroke="${POINT}" stroke-width="2"/>` +
        `<circle cx="${x(at)}" cy="${y(value)}" r="3.5" fill="${POINT}"/>`,
    ),
  ].join('\n');
}

/** Round numbers from 0 to the first that is not below `most`. */
function ticks(most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 2.5, 5, 10].map((times) => times * power).find((each) => most / each <= 5) ?? most;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => round(index * step));
}

const round = (value: number) => Math.round(value * 100) / 100;
