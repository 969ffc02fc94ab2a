import { say } from '../../../../lambda/core/explain.ts';
import type { Ink } from '../../terminal/ink.ts';
import { cut, wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';
import type { Timeline, TimelineRow } from './timeline.ts';

/** In a pipe, too. */
const MOST_COLUMNS = 80;
const MOST_NAME = 20;
const [SURE, LIKELY, UNKNOWN, STUCK, STOPS, MOVES, DEADLINE, BEYOND] = [
  '█',
  '░',
  '·',
  '─',
  '×',
  '~',
  '┃',
  '▸',
] as const;

const NO_BREAK = '\u00a0';

/** What a sign says; those that are not there are not explained. */
const LEGEND: readonly [sign: string, says: string][] = [
  [SURE, 'builds end (p50)'],
  [LIKELY, 'builds end (p95)'],
  [UNKNOWN, 'unknown'],
  [STUCK, 'a service stays until the deadline'],
  [STOPS, 'a service stops, with nowhere to go'],
  [MOVES, 'its services move'],
  [DEADLINE, 'deadline'],
  [BEYOND, 'the deadline is later'],
];

/** A line for each instance, under an axis. */
export function timelineText(timeline: Timeline, page: Page): string {
  const columns = Math.min(page.columns, MOST_COLUMNS);
  const nameWidth = Math.min(MOST_NAME, Math.max(...timeline.rows.map(({ name }) => name.length)));
  const width = columns - nameWidth - 5;
  const lines = timeline.rows.map((row) => {
    const name = cut(row.name, nameWidth).padEnd(nameWidth);
    return `  ${name}  ${barOf(row, timeline.end, width, page.ink)}`;
  });
  const axis = `  ${' '.repeat(nameWidth)}  ${axisOf(timeline, width)}`;
  const legend = LEGEND.filter(([sign]) => lines.some((line) => line.includes(sign)));
  // What belongs together stays on one line.
  const explained = legend.map(([sign, says]) => `${sign} ${says}`.replaceAll(' ', NO_BREAK)).join('  ');
  const explanation = wrap(explained, columns, '  ').replaceAll(NO_BREAK, ' ');
  return [page.ink.quiet(axis), ...lines, page.ink.quiet(explanation)].join('\n');
}

/** The labels of the marks, each above its place: those that would run into the one before are left out. */
function axisOf({ ticks, end }: Timeline, width: number): string {
  let line = '';
  for (const tick of ticks) {
    const label = tick === 0 ? 'now' : say(tick);
    const at = Math.min(Math.round((tick / end) * width), width + 1 - label.length);
    if (line === '' || at > line.length) line = line.padEnd(at) + label;
  }
  return line;
}

function barOf(
  { verdict, builds, expected, most, deadline }: TimelineRow,
  end: number,
  width: number,
  ink: Ink,
): string {
  const at = (seconds: number) => Math.round((Math.min(seconds, end) / end) * width);
  const isOn = deadline <= end;
  const [mark, bound] = [at(deadline), isOn ? at(deadline) : width];
  const known = Math.min(bound, expected === undefined ? 0 : Math.max(1, at(expected)));
  const likely = most === undefined ? bound : Math.max(known, Math.min(bound, at(most)));
  const rest = expected === undefined ? UNKNOWN : LIKELY;
  const ends = SURE.repeat(known) + rest.repeat(likely - known);
  const bars: Partial<Record<TimelineRow['verdict'], string>> = {
    moves: MOVES,
    stops: STOPS + (builds ? ends.slice(1) : ''),
    nowhere: STUCK.repeat(bound),
  };
  const bar = bars[verdict] ?? ends;
  const color = colorOf(verdict, expected, ink);
  if (isOn) return color(bar) + ' '.repeat(Math.max(0, mark - bar.length)) + ink.bad(DEADLINE);
  return color(bar) + ' '.repeat(width - bar.length) + ink.quiet(BEYOND);
}

function colorOf(verdict: TimelineRow['verdict'], expected: number | undefined, ink: Ink): (text: string) => string {
  if (verdict === 'stops' || verdict === 'nowhere' || verdict === 'killed') return ink.bad;
  if (verdict === 'moves') return ink.good;
  return expected === undefined || verdict === 'may-be-killed' ? ink.warn : (text) => text;
}
