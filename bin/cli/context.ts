import type { Account } from './aws/account.ts';
import type { ExitCode } from './exit-code.ts';
import type { Page } from './terminal/page.ts';
import { printable } from './terminal/printable.ts';
import type { Screen } from './terminal/screen.ts';

/** The options that every command has. */
export interface GlobalOptions {
  json?: true | undefined;
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
  readonly options: GlobalOptions;

  constructor(account: Account, screen: Screen, options: GlobalOptions) {
    this.account = account;
    this.screen = screen;
    this.options = options;
  }

  /**
   * Asks the deployed function, with a spinner on a terminal.
   * @param event such as `{ command: 'status' }`
   * @throws whatever is to be told as a problem
   */
  ask<Answer>(event: object): Promise<Answer> {
    return this.screen.during('asking the function', this.account.function.ask<Answer>(event));
  }

  /** Tells a person what a question is about. With --json stdout is the answer's alone. */
  explain<Given>(given: Given, render: (given: Given, page: Page) => string): void {
    const text = `${render(printable(given), this.screen.page)}\n`;
    if (this.options.json) this.screen.tell(text);
    else this.screen.print(text);
  }

  /** Shows an answer: as JSON where that is wanted, unchanged, else as text. */
  show<Answer>(answer: Answer, render: (answer: Answer, page: Page) => string): void {
    this.screen.print(this.text(answer, render));
  }

  /** What {@link show} prints. */
  text<Answer>(answer: Answer, render: (answer: Answer, page: Page) => string): string {
    return this.options.json ? JSON.stringify(answer, null, 2) : render(printable(answer), this.screen.page);
  }
}

/** What a command does with its arguments and options, and how it ends. */
type Act<Args extends unknown[]> = (context: Context, ...args: Args) => Promise<ExitCode>;

/** Makes the action of a command out of what it does. */
export type Run = <Args extends unknown[]>(act: Act<Args>) => (...args: [...Args, unknown]) => Promise<void>;
