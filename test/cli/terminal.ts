import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Display, type StyledLine } from './display.ts';

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

/** A command on a terminal of 24 lines, and the person before it. */
export class Terminal {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown[]>;
  readonly #display: Display;
  #raw = '';

  constructor(child: ChildProcess, columns: number) {
    this.#child = child;
    this.#closed = once(child, 'close');
    this.#display = new Display(columns);
    child.stdout?.setEncoding('utf8');
    child.stdout?.on('data', (text: string) => {
      this.#raw += text;
      void this.#display.write(text);
    });
  }

  /** What can be read on it now. */
  get screen(): string {
    return this.#display.text;
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
    await this.#display.write('');
    const { text: screen, tooLong, styled } = this.#display;
    return { code, screen, tooLong, styled, raw: this.#raw };
  }
}
