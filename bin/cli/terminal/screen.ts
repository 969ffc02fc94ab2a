import yoctoSpinner from 'yocto-spinner';
import { makeInk, takesColor } from './ink.ts';
import { type LiveView, liveView } from './live.ts';
import type { Page } from './page.ts';

interface Streams {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
}

/** Shows one state after another. */
export type Live = Pick<LiveView, 'show' | 'end'>;

/** The terminal, or the pipes, that a command talks to: answers go to stdout, everything about the way there to stderr. */
export class Screen {
  /** What answers are laid out for. */
  readonly page: Page;
  /** The same for what is written to stderr. */
  readonly margin: Page;
  readonly streams: Streams;

  constructor(streams: Streams, environment: NodeJS.ProcessEnv) {
    const { stdout, stderr } = streams;
    this.streams = streams;
    this.page = pageOf(stdout, environment);
    this.margin = pageOf(stderr, environment);
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
    const spinner = yoctoSpinner({ text: what, stream: stderr }).start();
    try {
      return await work;
    } finally {
      spinner.stop();
    }
  }

  /** On a terminal each state takes the place of the one before; in a pipe it follows it, if it differs. */
  live(where: 'stdout' | 'stderr'): Live {
    const stream = this.streams[where];
    if (stream.isTTY) return liveView(stream);
    let last: string | undefined;
    const show = (text: string) => {
      if (text !== last) stream.write(`${text}\n`);
      last = text;
    };
    return { show, end() {} };
  }
}

/** Where a terminal does not say how wide it is, it is taken for one of 80 columns. */
export const pageOf = (stream: NodeJS.WriteStream, environment: NodeJS.ProcessEnv): Page => ({
  columns: stream.isTTY ? stream.columns || 80 : Number.POSITIVE_INFINITY,
  ink: makeInk(takesColor(stream, environment)),
});
