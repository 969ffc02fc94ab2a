import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isServerError, isThrottlingError, isTransientError } from '@smithy/core/retry';
import { type RunClock, RunOver } from '../core/model/clock.ts';

/** The default. */
const USUAL: Patience = { timeoutMs: 4_000, attempts: 5, silences: 2 };
/** The first pause between two tries, and the longest, in milliseconds. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;
/** A contended group stays contended for seconds; the SDK does not count these among transient faults. */
const CONTENDED = ['ResourceContention', 'ResourceContentionFault'];

/** How long, and how often, one call is tried. */
interface Patience {
  /** How long an answer may take, in milliseconds. */
  timeoutMs: number;
  /** Tries in all, if AWS throttles or fails. */
  attempts: number;
  /** Tries in all, if no answer comes. */
  silences: number;
}

/** The connections of all clients. */
const POOL = { keepAlive: true, maxSockets: 50 };
const AGENTS = [new HttpAgent(POOL), new HttpsAgent(POOL)] as const;

/** Connections may have died unheard while the function was frozen: then none that is idle is used again. */
function dropIdleConnections(): void {
  for (const { freeSockets } of AGENTS) for (const socket of Object.values(freeSockets).flat()) socket?.destroy();
}

/**
 * For every client: its own retries and time limits are off, since they do not know when the run ends. {@link forRun} has them
 * instead. Only the connection timeout (a subnet without a route to the API) is the client's own.
 */
export const CLIENT = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 2_000, httpAgent: AGENTS[0], httpsAgent: AGENTS[1] },
};

/** The part of an AWS SDK client that is used here. */
interface Client {
  // biome-ignore lint/suspicious/noExplicitAny: each client takes commands of its own.
  send(command: any, options?: { abortSignal: AbortSignal }): Promise<any>;
}

/**
 * The same client for the length of one run: each call has a time limit, is tried again if that helps, and ends with the
 * run. Throttling passes within seconds, while the SDK's own three tries take 20 ms.
 *
 * @param clock the clock of the run
 */
export function forRun<C extends Client>(client: C, clock: RunClock, patience: Partial<Patience> = {}): C {
  const { timeoutMs, attempts, silences } = { ...USUAL, ...patience };
  const send = async (command: unknown) => {
    for (let attempt = 1; ; attempt++) {
      const { failure, silent, answer } = await tryOnce(client, command, clock, timeoutMs);
      if (!failure) return answer;
      if (attempt >= (silent ? silences : attempts) || !(silent || isTransient(failure))) throw failure;
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1)) * (0.5 + Math.random());
      await clock.sleep(pause).catch((error) => {
        // AWS's last error says more than that the time is up.
        throw error instanceof RunOver ? failure : error;
      });
    }
  };
  // The paginators of the SDK insist on a client of its own class.
  return Object.assign(Object.create(client) as C, { send });
}

async function tryOnce(
  client: Client,
  command: unknown,
  clock: RunClock,
  timeoutMs: number,
): Promise<{ failure?: Error; silent?: boolean; answer?: unknown }> {
  const { signal, lift } = clock.limit(timeoutMs);
  // The SDK ignores its signal while it reads a body.
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  try {
    return { answer: await Promise.race([client.send(command, { abortSignal: signal }), late]) };
  } catch (error) {
    if (!signal.aborted) return { failure: error as Error };
    dropIdleConnections();
    return { failure: new Error(`${nameOf(command)}: no answer within the time limit`), silent: true };
  } finally {
    lift();
  }
}

/** Whether the fault may be gone at the next try. */
const isTransient = (error: Error): boolean =>
  CONTENDED.includes(error.name) ||
  [isThrottlingError, isTransientError, isServerError].some((is) => is(error as never));

const nameOf = (command: unknown) => (command as object).constructor.name.replace(/Command$/, '');
