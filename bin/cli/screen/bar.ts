import type { Ink } from './ink.ts';
import type { Cell } from './layout.ts';

const CELLS = 10;

/** How much of a time is over, from 0 to 1: green first, then yellow, red at its end. */
export function bar(part: number, ink: Ink): Cell {
  const over = Math.min(1, Math.max(0, part));
  const full = Math.round(over * CELLS);
  const color = over < 0.75 ? ink.good : over < 0.95 ? ink.warn : ink.bad;
  return {
    text: '█'.repeat(full) + '░'.repeat(CELLS - full),
    ink: (text) => color(text.slice(0, full)) + ink.quiet(text.slice(full)),
  };
}
