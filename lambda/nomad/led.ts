import { NomadError } from '../errors.ts';
import { type NomadResponse, type ResponseHeaders, WITHOUT_LEADER } from './transport/transport.ts';

/**
 * The agent that answered is in touch with a leader. A client agent that shuts down is not, and answers as if everything were gone. Its index is 0
 * then; but that of a list is 0 too where there has never been anything in it.
 */
const isLed = ({ knownLeader }: ResponseHeaders): boolean => knownLeader === 'true';

/**
 * An answer to a query, if it counts. A client agent that shuts down says `200 []` and "node not found" (seen on 1.11.3 and
 * 1.6.10), with no known leader.
 * @throws NomadError if it does not count
 */
export function led(answer: NomadResponse, path: string): NomadResponse {
  if (isLed(answer.headers)) return answer;
  const because =
    answer.headers.knownLeader === undefined
      ? 'the response has no X-Nomad-KnownLeader header: a proxy in front of Nomad must forward its response headers'
      : WITHOUT_LEADER;
  throw new NomadError({ method: 'GET', path, address: 'its address' }, 0, because);
}

/**
 * An order that a leader has carried out. A client agent that shuts down answers 200 to orders too, with an index of 0 (seen on 1.6.10,
 * 1.11.3 and 2.0.6).
 * @throws NomadError if no leader has carried it out
 */
export function accepted({ headers }: NomadResponse, path: string): void {
  if (headers.index === undefined || Number(headers.index) > 0) return;
  throw notTaken(path);
}

/** Why an order is not done that an agent answers with 200. */
export const notTaken = (path: string): NomadError =>
  new NomadError({ method: 'POST', path, address: 'its address' }, 0, 'no leader has accepted the request');

/** Whether Nomad itself says, in these words, that something does not exist. Any other 404 is not Nomad's word. */
export const isMissing = ({ status, answer, headers }: NomadError, words: string): boolean =>
  status === 404 && answer === words && isLed(headers);
