import { Writable } from 'node:stream';
import type { Display } from './display.ts';

/** What a terminal of this size is given to show. */
export class Recorder extends Writable {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;
  written = '';

  constructor(columns: number, rows: number) {
    super();
    this.columns = columns;
    this.rows = rows;
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.written += chunk.toString();
    done();
  }
}

/** Gives a display what a program has written. A terminal returns to the first column at each line break. */
export async function shownOn(display: Display, ...written: string[]): Promise<Display> {
  for (const text of written) await display.write(text.replaceAll('\n', '\r\n'));
  return display;
}
