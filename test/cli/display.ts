import headless from '@xterm/headless';

/** A line of a terminal: stretches of text that look alike, each with its column. What is blank is left out. */
export type StyledLine = { at: number; text: string; color?: number; bold?: true; dim?: true }[];

/** What a terminal shows of what is written to it. */
export class Display {
  readonly #xterm: headless.Terminal;

  constructor(columns: number, rows = 24) {
    this.#xterm = new headless.Terminal({ cols: columns, rows, scrollback: 10_000, allowProposedApi: true });
  }

  /** Resolves when it can be read. */
  write(text: string): Promise<void> {
    return new Promise((resolve) => this.#xterm.write(text, resolve));
  }

  /** All that has been written and not erased, what has scrolled away too. */
  get text(): string {
    return this.#lines
      .map(({ text }) => text)
      .join('\n')
      .trimEnd();
  }

  /** Lines that did not fit, and so went on in the next. */
  get tooLong(): string[] {
    const lines = this.#lines;
    return lines.filter((_, index) => lines[index + 1]?.goesOn).map(({ text }) => text);
  }

  /** The text with its colours. */
  get styled(): StyledLine[] {
    const { active } = this.#xterm.buffer;
    const shown = this.text.split('\n').length;
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
