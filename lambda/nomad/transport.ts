import type { RunClock } from '../core/clock.ts';

/** One question put to Nomad. */
export interface Question {
  method: 'GET' | 'POST';
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  /** How long the answer may take to begin, in milliseconds. @default that of the transport */
  timeoutMs?: number;
  /** The answer is plain text, such as a log, not JSON. */
  text?: boolean;
  /**
   * The answer is a list that may be larger than memory: only what this returns for each element is kept, and the body of the
   * answer is the list of that.
   */
  each?: (element: unknown) => unknown;
}

export interface Answer {
  /** The parsed JSON; the text if that was asked for. */
  body: unknown;
  /** Nomad's index of what was asked, for a blocking query. */
  index?: string;
  /** Where the next page begins, when there is one. */
  nextToken?: string;
}

/** Asks Nomad for one run. @throws NomadError if Nomad does not answer, or not with 200 */
export type Ask = (question: Question) => Promise<Answer>;

/** A way to ask Nomad. The story does not know which one it is. */
export interface Transport {
  /**
   * @param clock the clock of the run that asks: nothing that is done for it outlives the run
   * @throws NomadError if Nomad does not answer, or not with 200
   */
  ask(question: Question, clock: RunClock): Promise<Answer>;
  /** Closes what a frozen function would hold open, such as connections. It may be asked again after that. */
  close(): void;
}
