import type { WriteStream } from 'node:tty';
import { createLogUpdate } from 'log-update';
import yoctoSpinner from 'yocto-spinner';
import { type Ink, makeInk, takesColor } from './ink.ts';
import type { Page } from './page.ts';

export interface Streams {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
}

/** Shows one state after another. */
export interface Live {
  show(text: string): void;
  /** The last state stays on the screen. */
  end(): void;
}

/** The terminal, or the pipes, that a command talks to: answers go to stdout, everything about the way there to stderr. */
export class Screen {
  /** What answers are laid out for. */
  readonly page: Page;
  /** Colours for stderr. */
  readonly ink: Ink;
  readonly streams: Streams;

  constructor(streams: Streams, environment: NodeJS.ProcessEnv) {
    const { stdout, stderr } = streams;
    this.streams = streams;
    this.page = {
      columns: stdout.isTTY ? stdout.columns || 80 : Number.POSITIVE_INFINITY,
      ink: makeInk(takesColor(stdout, environment)),
    };
    this.ink = makeInk(takesColor(stderr, environment));
  }

  /** The answer. */
  print(text: string): void {
    this.streams.stdout.write(`${text}\n`);
  }

  /** Something about the way to the answer. */
  tell(text: string): void {
    this.streams.stderr.write(`${text}\n`);
  }

  /** Shows on a terminal that something lasts. */
  async during<T>(what: string, work: Promise<T>): Promise<T> {
    const { stderr } = this.streams;
    if (!stderr.isTTY) return work;
    const spinner = yoctoSpinner({ text: what, stream: stderr, handleSignals: false }).start();
    try {
      return await work;
    } finally {
      spinner.stop();
    }
  }

  /** On a terminal each state takes the place of the one before; in a pipe it follows it, if it differs. */
  live(): Live {
    const stdout = this.streams.stdout;
    if (stdout.isTTY) {
      const update = createLogUpdate(stdout as WriteStream, { showCursor: true });
      return { show: (text) => update(text), end: () => update.done() };
    }
    let last: string | undefined;
    const show = (text: string) => {
      if (text !== last) this.print(text);
      last = text;
    };
    return { show, end() {} };
  }
}
