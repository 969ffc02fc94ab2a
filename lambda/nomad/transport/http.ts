import { messageOf } from '../../core/basics.ts';
import { type RunClock, RunOver } from '../../core/model/clock.ts';
import { NomadError } from '../../errors.ts';
import type { Agent, Agents } from './agents.ts';
import { type Fetched, Renewable } from './cached-credential.ts';
import { Connections, NoResponse } from './connections.ts';
import { LOGIN_PATH } from './login.ts';
import type { Tls } from './tls.ts';
import {
  type Ask,
  headersOf,
  isOfServer,
  type NomadRequest,
  type NomadResponse,
  notJson,
  type ResponseHeaders,
  type Transport,
  WITHOUT_LEADER,
} from './transport.ts';

const ATTEMPTS = 4;
const TIMEOUT_MS = 5_000;
/**
 * One question is tried for at most this time, in milliseconds, however many addresses there are. Of seven silent servers it
 * tries three, and the next question starts with the fourth.
 */
const PATIENCE_MS = 15_000;

/**
 * Questions at once: Nomad refuses more than 100 connections from one address, and all functions of a subnet share few addresses. One that
 * waits for its turn has no server yet: it is put to the one that answers by then.
 */
const MOST_AT_ONCE = 8;

interface HttpOptions {
  /** Where Nomad answers. */
  agents: Agents;
  /** How long connecting may take, in milliseconds. @default 2,000 */
  connectMs?: number;
  region?: string | undefined;
  /** Fetches the ACL token: once, and again when it expires or Nomad refuses it. No token if ACLs are off. */
  token?: ((nomad: Ask, clock: RunClock) => Promise<Fetched<string>>) | undefined;
  /** Fetches what TLS needs: once, and again when the handshake fails. */
  tls?: ((clock: RunClock) => Promise<Tls>) | undefined;
}

/** Nomad's HTTP API, with keep-alive, gzip, a time limit on every call, and retries of what is safe to retry. */
export class HttpTransport implements Transport {
  readonly blocks = true;
  readonly #agents: Agents;
  readonly #connectMs: number | undefined;
  readonly #region: string | undefined;
  readonly #token: Renewable<string> | undefined;
  readonly #tls: Renewable<Tls>;
  /** The agent that answered last in this run, as an operator calls it. */
  #through: string | undefined;
  #underWay = 0;
  /** Questions that wait for their turn. */
  readonly #waiting: (() => void)[] = [];
  #connections: { tls: Tls; connections: Connections } | undefined;

  constructor({ agents, connectMs, region, token, tls }: HttpOptions) {
    this.#agents = agents;
    this.#connectMs = connectMs;
    this.#region = region;
    this.#token =
      token &&
      new Renewable((clock) => token((question) => this.#askPatiently({ question, token: undefined, clock }), clock));
    this.#tls = new Renewable(async (clock) => ({ value: (await tls?.(clock)) ?? {} }));
  }

  /** Closes its connections. A frozen function would hold them open, and Nomad counts them (100 from one address). */
  close(): void {
    this.#through = undefined;
    this.#agents.close();
    this.#closeConnections();
  }

  #closeConnections(): void {
    this.#connections?.connections.close();
    this.#connections = undefined;
  }

  get through(): string | undefined {
    return this.#through;
  }

  async ask(question: NomadRequest, clock: RunClock): Promise<NomadResponse> {
    const token = await this.#token?.current(clock);
    try {
      return await this.#askPatiently({ question, token, clock });
    } catch (error) {
      if (token === undefined || !(error instanceof NomadError) || !isRefusal(error)) throw error;
      const renewed = await this.#token?.renewed(token, clock);
      if (renewed === token) throw error;
      return this.#askPatiently({ question, token: renewed, clock });
    }
  }

  async #askPatiently(asked: Asked): Promise<NomadResponse> {
    if (this.#underWay === MOST_AT_ONCE) await new Promise<void>((begin) => this.#waiting.push(begin));
    else this.#underWay += 1;
    try {
      return await this.#askInTurn(asked);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#underWay -= 1;
    }
  }

  async #askInTurn(asked: Asked): Promise<NomadResponse> {
    const { question, clock } = asked;
    const attempts = Math.max(ATTEMPTS, this.#agents.most);
    const until = clock.now() + PATIENCE_MS;
    for (let attempt = 1; ; attempt++) {
      const agent = await this.#agents.next(clock).catch((error) => {
        if (error instanceof RunOver) throw error;
        throw new NomadError({ ...question, address: 'its clients' }, 0, messageOf(error));
      });
      try {
        const answer = await this.#askTrusted(asked, agent);
        this.#agents.answered(agent);
        this.#through = agent.name;
        return answer;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        const another = error.isOfServer && this.#agents.failed(agent);
        const elsewhere = this.#agents.most > 1;
        const last = attempt === attempts || clock.now() >= until;
        if (last || !isSafeToRetry(question, error, elsewhere)) throw error.toNomadError();
        // What the servers say through one agent they say through the next, for a while.
        if (another && error.status === 0) continue;
        await clock.sleep(100 * 2 ** Math.min(attempt, ATTEMPTS) * (0.5 + Math.random())).catch((over) => {
          throw over instanceof RunOver ? error.toNomadError() : over;
        });
      }
    }
  }

  /** After a certificate error, asks once more with what the parameters hold by now. */
  async #askTrusted(asked: Asked, agent: Agent): Promise<NomadResponse> {
    const tls = await this.#tls.current(asked.clock);
    try {
      return await this.#askOnce(asked, agent, tls);
    } catch (error) {
      if (!(error instanceof Failure) || !error.noAnswer?.distrust) throw error;
      if (!error.noAnswer.unread && asked.question.method !== 'GET') throw error;
      const renewed = await this.#tls.renewed(tls, asked.clock);
      if (JSON.stringify(renewed) === JSON.stringify(tls)) throw error;
      return this.#askOnce(asked, agent, renewed);
    }
  }

  async #askOnce({ question, token, clock }: Asked, agent: Agent, tls: Tls): Promise<NomadResponse> {
    const { url } = agent;
    const query = new URLSearchParams({ ...(this.#region && { region: this.#region }), ...question.query });
    // As it is: a URL takes `..` for the folder above.
    const path = `${url.pathname.replace(/\/$/, '')}${question.path}${query.size > 0 ? `?${query}` : ''}`;
    const body = question.body === undefined ? undefined : JSON.stringify(question.body);
    const sent = {
      Accept: 'application/json',
      'Accept-Encoding': 'gzip',
      ...(token && { 'X-Nomad-Token': token }),
      ...(body !== undefined && {
        'Content-Type': 'application/json',
        'Content-Length': String(Buffer.byteLength(body)),
      }),
    };
    const { timeoutMs = TIMEOUT_MS, each } = question;
    const asked = { method: question.method, path: question.path, address: agent.name };
    const answer = await this.#connectionsWith(tls)
      .exchange({ url, path, method: question.method, headers: sent, body, timeoutMs, clock, each })
      .catch((error) => {
        if (error instanceof NoResponse) throw new Failure(asked, 0, error.message, error);
        throw error instanceof SyntaxError ? new Failure(asked, 200, error.message) : error;
      });

    const header = (name: string) => (typeof answer.headers[name] === 'string' ? answer.headers[name] : undefined);
    const headers = headersOf(header);
    // A proxy may repeat what it was asked with.
    const told = token ? answer.body.replaceAll(token, '…') : answer.body;
    if (this.#agents.most > 1 && isHollow(question, agent, answer.body, headers))
      throw new Failure(asked, 0, WITHOUT_LEADER, new NoResponse(WITHOUT_LEADER, { unread: true }));
    if (answer.status !== 200) throw new Failure(asked, answer.status, told, undefined, headers);
    if (question.text) return { body: answer.body, headers };
    const nextToken = header('x-nomad-nexttoken');
    try {
      return { body: answer.list ?? JSON.parse(answer.body), headers, ...(nextToken && { nextToken }) };
    } catch {
      throw new Failure(asked, answer.status, notJson(answer.body));
    }
  }

  #connectionsWith(tls: Tls): Connections {
    const kept = this.#connections;
    if (kept?.tls === tls) return kept.connections;
    this.#closeConnections();
    const connections = new Connections(tls, this.#connectMs);
    this.#connections = { tls, connections };
    return connections;
  }
}

/** A question, the token to ask it with, and the clock of the run that asks. */
interface Asked {
  question: NomadRequest;
  token: string | undefined;
  clock: RunClock;
}

/** How one attempt failed. */
class Failure extends Error {
  readonly #asked: { method: string; path: string; address: string };
  readonly status: number;
  readonly noAnswer: NoResponse | undefined;
  readonly #headers: ResponseHeaders;

  constructor(
    asked: { method: string; path: string; address: string },
    status: number,
    said: string,
    noAnswer?: NoResponse,
    headers: ResponseHeaders = {},
  ) {
    super(said);
    this.#asked = asked;
    this.#headers = headers;
    this.status = status;
    this.noAnswer = noAnswer;
  }

  /** The fault is of this server: another one may answer. */
  get isOfServer(): boolean {
    return this.status === 0 || isOfServer(this.status, this.message);
  }

  toNomadError(): NomadError {
    return new NomadError(this.#asked, this.status, this.message, this.#headers);
  }
}

/** What a client agent that shuts down says instead of what the servers know, where no header tells (Nomad's client/rpc.go). */
const HOLLOW: Record<string, RegExp> = {
  '/v1/status/leader': /^""\s*$/,
  '/v1/agent/members': /"Members":null/,
  [LOGIN_PATH]: /^null\s*$/,
};

/** Who answers is in touch with no leader, and has done nothing. */
const isHollow = ({ method, path }: NomadRequest, { instanceId }: Agent, said: string, headers: ResponseHeaders) =>
  (method === 'GET' && headers.knownLeader === 'false') ||
  (instanceId !== undefined && HOLLOW[path]?.test(said) === true);

/** Nomad refuses the token. Asked about the token itself, it says so in other ways: 2.0 with 500, 1.6 with 404. */
function isRefusal({ status, answer }: NomadError): boolean {
  return status === 403 || answer.includes('ACL token expired') || answer.includes('ACL token not found');
}

/**
 * Whether asking again may help and does no harm. A read: if the fault is transient, or another server may not have it. A write:
 * only if the first request was certainly not carried out.
 */
function isSafeToRetry(question: NomadRequest, failure: Failure, elsewhere: boolean): boolean {
  const { noAnswer, status } = failure;
  if (status === 429) return true;
  if (noAnswer?.unread) return elsewhere || !noAnswer.distrust;
  if (question.method !== 'GET') return false;
  return noAnswer?.late ? elsewhere : failure.isOfServer;
}
