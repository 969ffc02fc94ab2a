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
   * The answer is a list that may be larger than memory: of each element only what this makes of it is kept, and the body of
   * the answer is the list of that.
   */
  each?: (element: unknown) => unknown;
}

export interface Answer {
  /** What the JSON says; a text where that was asked for. */
  body: unknown;
  /** Nomad's index of what was asked, for a blocking query. */
  index?: string;
  /** Where the next page begins, when there is one. */
  nextToken?: string;
}

/** Puts a question to Nomad in the name of one run. @throws NomadError when Nomad does not answer, or not with 200 */
export type Ask = (question: Question) => Promise<Answer>;

/** Puts questions to Nomad. The story does not know by which way. */
export interface Transport {
  /**
   * @param clock the clock of the run that asks: nothing that is done for it outlives the run
   * @throws NomadError when Nomad does not answer, or not with 200
   */
  ask(question: Question, clock: RunClock): Promise<Answer>;
  /** Lets go of what a frozen function would hold, such as connections. It may be asked again after that. */
  close(): void;
}
