import type { EpochMs, RunClock } from '../../core/model/clock.ts';

/** One question put to Nomad. */
export interface NomadRequest {
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

export interface NomadResponse {
  /** The parsed JSON; the text if that was asked for. */
  body: unknown;
  /** Where the next page begins, when there is one. */
  nextToken?: string;
  /** What the headers say of the answer. */
  headers: ResponseHeaders;
}

/** What the headers of an answer say. Each is absent where Nomad, or a proxy before it, does not say it. */
export interface ResponseHeaders {
  /** Nomad's index of what was asked, for a blocking query. */
  index?: string;
  /** Whether the agent that answered knows a leader. */
  knownLeader?: string;
  /** When it was answered, by the clock of the agent that answered, in whole seconds. */
  at?: EpochMs;
}

/** Reads these headers by their names in lower case. */
export function headersOf(header: (name: string) => string | undefined): ResponseHeaders {
  const [index, knownLeader, at] = [header('x-nomad-index'), header('x-nomad-knownleader'), header('date')];
  const time = at === undefined ? Number.NaN : Date.parse(at);
  return { ...(index && { index }), ...(knownLeader && { knownLeader }), ...(Number.isFinite(time) && { at: time }) };
}

/** Says that a body is not JSON. Damaged JSON is not quoted: it may contain anything, such as a secret. */
export const notJson = (body: string, wanted = 'JSON'): string =>
  `not ${wanted}: ${/^\s*[[{"]/.test(body) ? 'it is damaged, or something else' : body.slice(0, 100)}`;

/**
 * A text as one part of a path: `encodeURIComponent` leaves what is the folder above, and what SSM takes for no path. Nomad 1.6 redirects
 * for `..` all the same, and so does not answer.
 */
export const part = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /^\.\.?$|[!'()]/g,
    (left) => `%${Buffer.from(left).toString('hex').replace('2e2e', '2e%2e')}`,
  );

/** Why an answer of an agent that is not in touch with a leader does not count. */
export const WITHOUT_LEADER = 'the agent that answered knows no leader: is it shutting down?';

/** The fault is with the server that answered: another server, or instance, may do better. */
export const isOfServer = (status: number, answer: string): boolean =>
  [502, 503, 504].includes(status) ||
  (status === 500 && /No cluster leader|Not ready to serve consistent reads|rpc error/.test(answer));

/** Asks Nomad for one run. @throws NomadError if Nomad does not answer, or not with 200 */
export type Ask = (question: NomadRequest) => Promise<NomadResponse>;

/** A way to ask Nomad. The story does not know which one it is. */
export interface Transport {
  /** Whether it waits for the answer to a blocking query. */
  readonly blocks: boolean;
  /** Who answered last, as an operator calls it; absent before the first answer. */
  readonly through?: string | undefined;
  /**
   * @param clock the clock of the run that asks: nothing that is done for it outlives the run
   * @throws NomadError if Nomad does not answer, or not with 200
   */
  ask(question: NomadRequest, clock: RunClock): Promise<NomadResponse>;
  /** Closes what a frozen function would hold open, such as connections. It may be asked again after that. */
  close(): void;
  /** The same way, by the first that answers and by no other; absent where all that may be asked have the same token. */
  pinned?(): Transport;
}
