import { say } from '../../../../lambda/core/explain.ts';
import { escaped } from '../../../../scripts/svg.ts';
import { cut } from '../../terminal/layout.ts';
import type { Timeline, TimelineRow } from './timeline.ts';

const WIDTH = 900;
const LEFT = 170;
const RIGHT = 30;
const TOP = 84;
const ROW = 26;
const BAR = 14;
const BOTTOM = 42;
const INK = '#24292f';
/** Of a name, in characters. */
const NAME = 22;
/** Of the list of those that go at once, in characters. */
const LINE = 120;
const GRID = '#d0d7de';
const KNOWN = '#0969da';
const BAD = '#cf222e';
const GOOD = '#1a7f37';
const UNKNOWN = '#9a6700';

/** The timeline as a picture that needs nothing else. */
export function timelineSvg(timeline: Timeline, title: string): string {
  const { rows, ticks, end, atOnce } = timeline;
  const height = TOP + rows.length * ROW + BOTTOM;
  const floor = TOP + rows.length * ROW;
  const x = (seconds: number) => round(LEFT + (Math.min(seconds, end) / end) * (WIDTH - LEFT - RIGHT));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12" fill="${INK}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="16" y="24" font-size="14" font-weight="600">${escaped(title)}</text>`,
    `<text x="16" y="46">${escaped(sayAtOnce(atOnce))}</text>`,
    ...ticks.map(
      (tick) =>
        `<line x1="${x(tick)}" x2="${x(tick)}" y1="${TOP - 6}" y2="${floor}" stroke="${GRID}"/>` +
        `<text x="${x(tick)}" y="${TOP - 12}" text-anchor="middle">${tick === 0 ? 'now' : say(tick)}</text>`,
    ),
    ...rows.map((row, index) => rowSvg(row, TOP + index * ROW, x, end)),
    legend(floor + 28),
    '</svg>\n',
  ].join('\n');
}

function rowSvg(row: TimelineRow, top: number, x: (seconds: number) => number, end: number): string {
  const { name, verdict, builds, expected, most, deadline } = row;
  const y = top + (ROW - BAR) / 2;
  const bar = (from: number, to: number, color: string, opacity = 1) =>
    `<rect x="${x(from)}" y="${y}" width="${Math.max(0, round(x(to) - x(from)))}" height="${BAR}" fill="${color}" fill-opacity="${opacity}"/>`;
  const bound = Math.min(deadline, end);
  const known = Math.min(bound, expected ?? 0);
  const parts = [
    `<text x="${LEFT - 10}" y="${top + ROW / 2 + 4}" text-anchor="end">${escaped(cut(name, NAME))}<title>${escaped(`${name}: ${verdict}`)}</title></text>`,
  ];
  const dot = (color: string) => `<circle cx="${x(0) + 6}" cy="${top + ROW / 2}" r="5" fill="${color}"/>`;
  if (verdict === 'moves' || (verdict === 'stops' && !builds)) parts.push(dot(verdict === 'moves' ? GOOD : BAD));
  else if (verdict === 'nowhere') parts.push(bar(0, bound, BAD, 0.35));
  else if (expected === undefined) parts.push(bar(0, bound, UNKNOWN, 0.35));
  else parts.push(bar(0, known, KNOWN), bar(known, Math.max(known, Math.min(bound, most ?? bound)), KNOWN, 0.35));
  if (verdict === 'stops' && builds) parts.push(dot(BAD));
  if (deadline <= end)
    parts.push(
      `<line x1="${x(deadline)}" x2="${x(deadline)}" y1="${y - 3}" y2="${y + BAR + 3}" stroke="${BAD}" stroke-width="3"/>`,
    );
  return parts.join('');
}

function sayAtOnce(names: readonly string[]): string {
  if (names.length === 0) return 'no instance goes at once';
  return cut(`${names.length} ${names.length === 1 ? 'goes' : 'go'} at once: ${names.join(', ')}`, LINE);
}

function legend(y: number): string {
  const items: [color: string, opacity: number, text: string][] = [
    [KNOWN, 1, 'builds end (p50)'],
    [KNOWN, 0.35, 'builds end (p95)'],
    [UNKNOWN, 0.35, 'unknown'],
    [BAD, 0.35, 'a service stays'],
    [BAD, 1, 'a service stops'],
    [GOOD, 1, 'services move'],
    [BAD, 1, 'deadline'],
  ];
  let x = 16;
  return items
    .map(([color, opacity, text]) => {
      const at = x;
      x += 34 + text.length * 6.4;
      return `<rect x="${round(at)}" y="${y - 10}" width="12" height="12" fill="${color}" fill-opacity="${opacity}"/><text x="${round(at + 18)}" y="${y}">${text}</text>`;
    })
    .join('');
}

const round = (value: number) => Math.round(value * 10) / 10;
