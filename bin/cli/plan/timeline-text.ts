import { say } from '../../../lambda/core/explain.ts';
import type { Ink } from '../screen/ink.ts';
import { cut, wrap } from '../screen/layout.ts';
import type { Page } from '../screen/page.ts';
import type { Timeline, TimelineRow } from './timeline.ts';

/** In a pipe, too. */
const MOST_COLUMNS = 80;
const MOST_NAME = 20;
const [SURE, LIKELY, UNKNOWN, MOVES, DEADLINE, BEYOND] = ['█', '░', '·', '~', '┃', '▸'];

const LEGEND = `${SURE} even odds that its builds end by then  ${LIKELY} odds of 19 to 1  ${UNKNOWN} nobody can say  ${MOVES} services move  ${DEADLINE} deadline  ${BEYOND} it is later`;

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
  return [page.ink.quiet(axis), ...lines, page.ink.quiet(wrap(LEGEND, columns, '  '))].join('\n');
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

function barOf({ verdict, expected, most, deadline }: TimelineRow, end: number, width: number, ink: Ink): string {
  const at = (seconds: number) => Math.round((Math.min(seconds, end) / end) * width);
  const isOn = deadline <= end;
  const [mark, bound] = [at(deadline), isOn ? at(deadline) : width];
  const known = Math.min(bound, expected === undefined ? 0 : Math.max(1, at(expected)));
  const likely = most === undefined ? bound : Math.max(known, Math.min(bound, at(most)));
  const rest = expected === undefined ? UNKNOWN : LIKELY;
  const bar = verdict === 'moves' ? MOVES : SURE.repeat(known) + rest.repeat(likely - known);
  const color = verdict === 'moves' ? ink.good : expected === undefined ? ink.warn : (text: string) => text;
  if (isOn) return color(bar) + ' '.repeat(Math.max(0, mark - bar.length)) + ink.bad(DEADLINE);
  return color(bar) + ' '.repeat(width - bar.length) + ink.quiet(BEYOND);
}
