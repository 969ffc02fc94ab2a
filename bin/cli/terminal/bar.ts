import type { Ink } from './ink.ts';
import type { Cell } from './layout.ts';

const CELLS = 10;

/** How much of a time is over, from 0 to 1: green first, then yellow, red at its end. */
export function bar(part: number, ink: Ink): Cell {
  return gauge(part, part < 0.75 ? ink.good : part < 0.95 ? ink.warn : ink.bad, ink);
}

/** How much of some work is done, from 0 to 1. */
export const progress = (part: number, ink: Ink): Cell => gauge(part, ink.good, ink);

function gauge(part: number, color: (text: string) => string, ink: Ink): Cell {
  const full = Math.round(Math.min(1, Math.max(0, part)) * CELLS);
  return {
    text: '█'.repeat(full) + '░'.repeat(CELLS - full),
    ink: (text) => color(text.slice(0, full)) + ink.quiet(text.slice(full)),
  };
}
