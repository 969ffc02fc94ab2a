import type { Account } from './aws/account.ts';
import type { ExitCode } from './exit-code.ts';
import { inOneShape } from './one-shape.ts';
import { wrap } from './terminal/layout.ts';
import type { Page } from './terminal/page.ts';
import { printable } from './terminal/printable.ts';
import type { Screen } from './terminal/screen.ts';

/** The options that every command has. */
export interface GlobalOptions {
  output?: 'text' | 'json' | undefined;
  profile?: string | undefined;
  region?: string | undefined;
  stack?: string | undefined;
  function?: string | undefined;
  debug?: true | undefined;
}

/** What a command works with. */
export class Context {
  readonly account: Account;
  readonly screen: Screen;
  /** Its name. */
  readonly command: string;
  /** The answer is wanted as JSON. */
  readonly json: boolean;
  #warnedOfVersion = false;

  constructor(account: Account, screen: Screen, command: string, { output }: GlobalOptions) {
    this.account = account;
    this.screen = screen;
    this.command = command;
    this.json = output === 'json';
  }

  /**
   * Asks the deployed function, with a spinner on a terminal.
   * @param event such as `{ command: 'status' }`
   * @throws whatever is to be reported as a problem
   */
  async ask<Answer>(event: object): Promise<Answer> {
    const answer = await this.screen.during('asking the function', this.account.function.ask<Answer>(event));
    this.#warnOfVersion();
    return answer;
  }

  /** Tells a person what a question is about. As JSON stdout is the answer's alone. */
  explain<Given>(given: Given, render: (given: Given, page: Page) => string): void {
    const text = `${render(printable(given), this.screen.page)}\n`;
    if (this.json) this.screen.tell(text);
    else this.screen.print(text);
  }

  /** Shows an answer that the command line has made: as JSON where that is wanted, else as text. */
  show<Answer extends object>(answer: Answer, render: (answer: Answer, page: Page) => string): void {
    this.screen.print(this.#written(answer, render, false));
  }

  /** Shows an answer of the function in the same ways. As JSON its own names stay. */
  pass<Answer extends object>(answer: Answer, render: (answer: Answer, page: Page) => string): void {
    this.screen.print(this.passed(answer, render));
  }

  /** What {@link pass} prints. */
  passed<Answer extends object>(answer: Answer, render: (answer: Answer, page: Page) => string): string {
    return this.#written(answer, render, true);
  }

  /** Prints one of several answers of the function as a line of JSON. */
  passLine(answer: object): void {
    this.#warnOfVersion();
    this.screen.print(JSON.stringify(this.#shaped(answer, true)));
  }

  #written<Answer extends object>(
    answer: Answer,
    render: (answer: Answer, page: Page) => string,
    keeps: boolean,
  ): string {
    this.#warnOfVersion();
    return this.json
      ? JSON.stringify(this.#shaped(answer, keeps), null, 2)
      : render(printable(answer), this.screen.page);
  }

  /** On stderr, once. */
  #warnOfVersion(): void {
    const { versionWarning } = this.account.function.heard;
    if (versionWarning === undefined || this.#warnedOfVersion) return;
    this.#warnedOfVersion = true;
    const { columns, ink } = this.screen.margin;
    this.screen.tell(ink.warn(wrap(`warning: ${printable(versionWarning)}`, columns)));
  }

  #shaped(answer: { at?: string; warnings?: readonly string[] }, keeps: boolean): object {
    const { heard } = this.account.function;
    const { at = heard.at ?? new Date().toISOString(), warnings = heard.warnings } = answer;
    const ofVersion = heard.versionWarning === undefined ? [] : [heard.versionWarning];
    const envelope = { run: this.command, at, warnings: [...ofVersion, ...warnings] };
    return inOneShape(envelope, answer, keeps);
  }
}

/** What a command does with its arguments and options, and how it ends. */
type Act<Args extends unknown[]> = (context: Context, ...args: Args) => Promise<ExitCode>;

/** Makes the action of a command out of what it does. */
export type Run = <Args extends unknown[]>(act: Act<Args>) => (...args: [...Args, unknown]) => Promise<void>;
