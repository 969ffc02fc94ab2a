import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { messageOf } from '../../core/basics.ts';
import type { RunClock } from '../../core/model/clock.ts';
import { NomadError } from '../../errors.ts';
import { headersOf, isOfServer, type NomadRequest, type NomadResponse, notJson, type Transport } from './transport.ts';

const unzip = promisify(gunzip);

const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
/** What the script prints of an answer at a time, in characters; SSM carries 24,000. */
const PAGE_SIZE = 20_000;
/** At most this many instances are asked for one answer. */
const MOST_ASKED = 4;
const TIMEOUT_MS = 15_000;

/** The instances that can ask Nomad for us. */
export interface Instances {
  /** Those that may be asked, the best first. */
  list(clock: RunClock): Promise<string[]>;
  /**
   * Runs the script that asks, with these parameters.
   * @returns its output
   * @throws Error whose `undone` says that Nomad was certainly not asked, and will not be
   */
  run(instanceId: string, parameters: Record<string, string>, limitMs: number, clock: RunClock): Promise<string>;
}

/**
 * Nomad's HTTP API through the `nomad` command of an instance, where there is no network path to Nomad. If one instance does not
 * answer, another is asked.
 */
export class ViaInstances implements Transport {
  /** A blocking query would keep a command running on the instance. */
  readonly blocks = false;
  readonly #instances: Instances;
  readonly #region: string | undefined;
  /** The instances that may be asked; listed once a run. */
  #listed: Promise<string[]> | undefined;
  /** The one that answered last. */
  #good: string | undefined;
  /** Those that did not answer when they were asked last. */
  readonly #bad = new Set<string>();

  get through(): string | undefined {
    return this.#good && `the nomad command of ${this.#good}`;
  }

  constructor(instances: Instances, region?: string) {
    this.#instances = instances;
    this.#region = region;
  }

  close(): void {
    this.#listed = undefined;
  }

  /** What one instance's token may read says nothing of what another's does. */
  pinned(): Transport {
    let only: string | undefined;
    return {
      blocks: false,
      ask: async (question, clock) => {
        if (only === undefined) {
          const answer = await this.ask(question, clock);
          only = this.#good;
          return answer;
        }
        const asked = { method: question.method, path: question.path, address: `instance ${only}` };
        const packed = await this.#askOn(only, question, clock).catch((error) => {
          throw new NomadError(asked, 0, messageOf(error));
        });
        return read(packed, asked, question);
      },
      close: () => {},
    };
  }

  async ask(question: NomadRequest, clock: RunClock): Promise<NomadResponse> {
    const asked = { method: question.method, path: question.path, address: 'its instances' };
    const failures: string[] = [];
    for (const instanceId of await this.#candidates(asked, clock)) {
      try {
        const packed = await this.#askOn(instanceId, question, clock);
        const answer = await read(packed, asked, question);
        this.#good = instanceId;
        this.#bad.delete(instanceId);
        return answer;
      } catch (error) {
        const elsewhere =
          question.method === 'GET' && error instanceof NomadError && isOfServer(error.status, error.answer);
        if (error instanceof NomadError && !elsewhere) throw error;
        if (this.#good === instanceId) this.#good = undefined;
        this.#bad.add(instanceId);
        failures.push(`${instanceId}: ${messageOf(error)}`);
        // An order that may still be carried out is given to no other instance.
        if (question.method !== 'GET' && !(error as { undone?: boolean }).undone) break;
      }
    }
    throw new NomadError(asked, 0, `no instance answers: ${failures.join('; ') || 'there are no instances to query'}`);
  }

  async #candidates(asked: ConstructorParameters<typeof NomadError>[0], clock: RunClock): Promise<string[]> {
    this.#listed ??= this.#instances.list(clock);
    const listed = await this.#listed.catch((error) => {
      this.#listed = undefined;
      throw new NomadError(asked, 0, messageOf(error));
    });
    const rank = (id: string) => (id === this.#good ? 0 : this.#bad.has(id) ? 2 : 1);
    return listed.toSorted((one, other) => rank(one) - rank(other)).slice(0, MOST_ASKED);
  }

  async #askOn(instanceId: string, question: NomadRequest, clock: RunClock): Promise<Buffer> {
    const query = new URLSearchParams({ ...(this.#region && { region: this.#region }), ...question.query });
    const body = question.body === undefined ? '-' : Buffer.from(JSON.stringify(question.body)).toString('base64');
    const parameters = {
      Method: question.method,
      Path: `${question.path}${query.size > 0 ? `?${query}` : ''}`,
      Body: body,
      Request: randomUUID(),
    };
    const pages: string[] = [];
    for (let page = 0; ; page++) {
      const limitMs = question.timeoutMs ?? TIMEOUT_MS;
      const printed = await this.#instances.run(instanceId, { ...parameters, Page: String(page) }, limitMs, clock);
      const [, size, text] = /^(\d+) ([A-Za-z0-9+/=]*)\s*$/.exec(printed) ?? [];
      if (size === undefined || text === undefined) throw new Error('its output is not a valid answer');
      pages.push(text);
      if ((page + 1) * PAGE_SIZE >= Number(size)) return Buffer.from(pages.join(''), 'base64');
    }
  }
}

async function read(
  packed: Buffer,
  asked: ConstructorParameters<typeof NomadError>[0],
  { text: isText, each }: NomadRequest,
): Promise<NomadResponse> {
  const text = (await unzip(packed, { maxOutputLength: MAX_RESPONSE_BYTES })).toString('utf8');
  const [, status, nextToken, line, body = ''] = /^(\d+)\n(.*)\n(.*)\n([\s\S]*)$/.exec(text) ?? [];
  const [index, knownLeader, date] = line?.split('|') ?? [];
  const headers = headersOf((name) => ({ 'x-nomad-index': index, 'x-nomad-knownleader': knownLeader, date })[name]);
  if (status !== '200') throw new NomadError(asked, Number(status ?? 0), body, headers);
  if (isText) return { body, headers };
  try {
    const json = JSON.parse(body);
    return { body: each ? json.map(each) : json, headers, ...(nextToken && { nextToken }) };
  } catch {
    throw new NomadError(asked, 200, notJson(body));
  }
}
