import { GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import { messageOf } from '../core/basics.ts';
import type { RunClock } from '../core/model/clock.ts';
import { CLIENT, forRun } from './client.ts';

/** How long values that have been read and not used yet hold, in milliseconds. */
const FRESH_MS = 10_000;
/**
 * All callers of an account and region share 40 GetParameter* calls a second, and in a storm every function starts cold. This
 * many tries last a minute.
 */
const ATTEMPTS = 20;

/**
 * The parameters of Parameter Store that the function needs, decrypted: read together, in one call, however many there are.
 * White space around a value is dropped: a token that was pasted with a newline is not a valid header.
 */
export class Parameters {
  readonly #ssm = new SSMClient(CLIENT);
  readonly #names: readonly string[];
  #values: Promise<Map<string, string>> | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #taken = new Set<string>();

  /** @param names all that will be asked for; GetParameters takes ten */
  constructor(names: readonly string[]) {
    this.#names = [...new Set(names)];
  }

  /**
   * The value of a parameter. Asking for the same one again reads it again.
   *
   * @param clock the clock of the run
   * @throws Error naming the parameters that cannot be read, never a value
   */
  async read(name: string, clock: RunClock): Promise<string> {
    if (!this.#values || this.#taken.has(name) || clock.now() - this.#readAt > FRESH_MS) {
      this.#taken.clear();
      this.#readAt = clock.now();
      this.#values = this.#readAll(clock).catch((error) => {
        this.#values = undefined;
        throw error;
      });
    }
    this.#taken.add(name);
    const value = (await this.#values).get(name);
    if (!value) throw new Error(`parameter ${name} cannot be read: it is empty`);
    return value;
  }

  async #readAll(clock: RunClock): Promise<Map<string, string>> {
    const command = new GetParametersCommand({ Names: [...this.#names], WithDecryption: true });
    const { Parameters = [], InvalidParameters = [] } = await forRun(this.#ssm, clock, { attempts: ATTEMPTS })
      .send(command)
      .catch((error) => {
        throw new Error(`${named(this.#names)} cannot be read: ${(error as Error).name}: ${messageOf(error)}`);
      });
    if (InvalidParameters.length > 0) throw new Error(`${named(InvalidParameters)} cannot be read: no such parameter`);
    // A parameter that was asked for by its ARN, or with a version (`name:3`), comes back under its name.
    const values = Parameters.flatMap(({ Name = '', ARN = '', Selector = '', Value = '' }) =>
      [Name, ARN, `${Name}${Selector}`].map((each): [string, string] => [each, Value.trim()]),
    );
    return new Map(values);
  }
}

const named = (names: readonly string[]) => `parameter${names.length > 1 ? 's' : ''} ${names.join(', ')}`;
