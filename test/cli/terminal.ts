import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import headless from '@xterm/headless';

/** How a command on a terminal ended, and what can then be read there. */
export interface EndedOnTerminal {
  code: number | null;
  /** All that has been written and not erased, what has scrolled away too. */
  screen: string;
  /** Lines that did not fit, and so went on in the next. */
  tooLong: string[];
  /** The same with its colours. */
  styled: StyledLine[];
  /** As it was written, with colours and what moves the cursor. */
  raw: string;
}

/** A line of a terminal: stretches of text that look alike, each with its column. What is blank is left out. */
export type StyledLine = { at: number; text: string; color?: number; bold?: true; dim?: true }[];

/** A command on a terminal of 24 lines, and the person before it. */
export class Terminal {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown[]>;
  readonly #xterm: headless.Terminal;
  #raw = '';

  constructor(child: ChildProcess, columns: number) {
    this.#child = child;
    this.#closed = once(child, 'close');
    this.#xterm = new headless.Terminal({ cols: columns, rows: 24, scrollback: 10_000, allowProposedApi: true });
    child.stdout?.setEncoding('utf8');
    child.stdout?.on('data', (text: string) => {
      this.#raw += text;
      this.#xterm.write(text);
    });
  }

  /** What can be read on it now. */
  get screen(): string {
    return this.#lines
      .map(({ text }) => text)
      .join('\n')
      .trimEnd();
  }

  /** As soon as this can be read on it; the command must not end before. */
  async until(shown: string | RegExp): Promise<void> {
    const holds = () => (typeof shown === 'string' ? this.screen.includes(shown) : shown.test(this.screen));
    while (!holds()) {
      if (this.#child.exitCode !== null) throw new Error(`the command has ended, and has shown: ${this.screen}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  async ended(): Promise<EndedOnTerminal> {
    const [code] = (await this.#closed) as [number | null];
    // Whatever it has been given before is on the screen then.
    await new Promise<void>((resolve) => this.#xterm.write('', resolve));
    const lines = this.#lines;
    const tooLong = lines.filter((_, index) => lines[index + 1]?.goesOn).map(({ text }) => text);
    return { code, screen: this.screen, tooLong, styled: this.#styled(), raw: this.#raw };
  }

  #styled(): StyledLine[] {
    const { active } = this.#xterm.buffer;
    const shown = this.screen.split('\n').length;
    return Array.from({ length: shown }, (_, row) => stretchesOf(active.getLine(row)));
  }

  get #lines() {
    const { active } = this.#xterm.buffer;
    return Array.from({ length: active.length }, (_, index) => {
      const line = active.getLine(index);
      return { text: line?.translateToString(true) ?? '', goesOn: line?.isWrapped ?? false };
    });
  }
}

function stretchesOf(line: headless.IBufferLine | undefined): StyledLine {
  const stretches: StyledLine = [];
  for (let at = 0; line && at < line.length; at++) {
    const cell = line.getCell(at);
    const text = cell?.getChars() || ' ';
    const style = {
      ...(cell && !cell.isFgDefault() && { color: cell.getFgColor() }),
      ...(cell?.isBold() && { bold: true as const }),
      ...(cell?.isDim() && { dim: true as const }),
    };
    const last = stretches.at(-1);
    const same = last && last.color === style.color && last.bold === style.bold && last.dim === style.dim;
    // Two blanks end a stretch: what follows stands in a column of its own.
    if (same && !last.text.endsWith('  ')) last.text += text;
    else stretches.push({ at, text, ...style });
  }
  return stretches.flatMap(({ text, ...stretch }) =>
    text.trim() === '' ? [] : [{ text: text.trimEnd(), ...stretch }],
  );
}
