/** One question put to Nomad. */
export interface Question {
  method: 'GET' | 'POST';
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  /** How long the answer may take, in milliseconds. @default that of the transport */
  timeoutMs?: number;
  /** The answer is plain text, such as a log, not JSON. */
  text?: boolean;
}

export interface Answer {
  /** What the JSON says; a text where that was asked for. */
  body: unknown;
  /** Nomad's index of what was asked, for a blocking query. */
  index?: string;
  /** Where the next page begins, when there is one. */
  nextToken?: string;
}

/** Puts questions to Nomad. The story does not know by which way. */
export interface Transport {
  /** How long an answer may take where the question does not say, in milliseconds. */
  readonly timeoutMs: number;
  /** @throws NomadError when Nomad does not answer, or not with 200 */
  ask(question: Question): Promise<Answer>;
  /** Lets go of what a frozen function would hold, such as connections. It may be asked again after that. */
  close(): void;
}
