import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { isObject, type Json, type JsonObject } from './recording.ts';

/** The Nomad that the shared cases run against: the emulator on a clock that they move, or real agents in real time. */
export interface NomadUnderTest {
  address: string;
  managementToken: string;
  version: string;
  /** Two clients, each on an instance of its own. */
  nodes: { id: string; name: string; instanceId: string }[];
  /** Milliseconds of this Nomad's clock. */
  now(): number;
  /** Requests of a {@link Nomad} that it has not answered. */
  open: number;
  wait(ms: number): Promise<void>;
  /** Waits for a quarter of a second, or as many as there are until something may have changed; hardly longer than `limit`. */
  waitForChange(limit: number): Promise<void>;
  /** The agent of the i-th client dies; its tasks run on. */
  stopClient(i: number): Promise<void>;
  startClient(i: number): Promise<void>;
  /** Where the agent of the i-th client answers, and as which host. */
  clientAt(i: number): { url: string; host: string };
  /** The servers' machines are down: nobody listens there. */
  stopServers(): Promise<void>;
  startServers(): Promise<void>;
  /** The client's data directory is emptied: its agent comes back as another node, whose id `nodes[i]` then has. */
  newIdentity(i: number): Promise<void>;
  close(): Promise<void>;
}

export interface Answer {
  status: number;
  headers: Headers;
  /** The error text, or the body as it came. */
  text: string;
  body: Json;
}

/** Sends requests to a Nomad under test. */
export class Nomad {
  readonly under: NomadUnderTest;

  constructor(under: NomadUnderTest) {
    this.under = under;
  }

  async send(method: string, path: string, body?: object, token = this.under.managementToken): Promise<Answer> {
    this.under.open += 1;
    const request = { method, headers: { 'X-Nomad-Token': token }, ...(body && { body: JSON.stringify(body) }) };
    const { response, text } = await this.#fetch(path, request).finally(() => {
      this.under.open -= 1;
    });
    const json = response.headers.get('content-type') === 'application/json' && text !== '';
    return { status: response.status, headers: response.headers, text, body: json ? (JSON.parse(text) as Json) : text };
  }

  async #fetch(path: string, request: RequestInit): Promise<{ response: Response; text: string }> {
    const response = await fetch(`${this.under.address}${path}`, request);
    return { response, text: await response.text() };
  }

  /** Asks the agent of the i-th client. */
  async client(i: number, method: string, path: string, body?: object): Promise<Omit<Answer, 'body'>> {
    this.under.open += 1;
    const { url, host } = this.under.clientAt(i);
    const headers = { Host: host, 'X-Nomad-Token': this.under.managementToken };
    try {
      const outgoing = request(`${url}${path}`, { method, headers });
      outgoing.end(body && JSON.stringify(body));
      const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
      const given = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)] as [string, string]);
      return { status: incoming.statusCode ?? 0, headers: new Headers(given), text: await text(incoming) };
    } finally {
      this.under.open -= 1;
    }
  }

  get(path: string, token?: string): Promise<Answer> {
    return this.send('GET', path, undefined, token);
  }

  /** An answer that is several JSON objects, or none, though it says that it is JSON. */
  async text(path: string): Promise<{ status: number; text: string }> {
    const headers = { 'X-Nomad-Token': this.under.managementToken };
    const response = await fetch(`${this.under.address}${path}`, { headers });
    return { status: response.status, text: await response.text() };
  }

  nodes(filter: string, token?: string): Promise<Answer> {
    return this.get(`/v1/nodes?filter=${encodeURIComponent(filter)}`, token);
  }

  async node(i: number): Promise<JsonObject> {
    return object((await this.get(`/v1/node/${this.under.nodes[i]?.id}`)).body);
  }

  /** The allocations of one job on a node. */
  async allocations(i: number, jobId: string): Promise<JsonObject[]> {
    const { body } = await this.get(`/v1/node/${this.under.nodes[i]?.id}/allocations`);
    return list(body).filter(({ JobID }) => JobID === jobId);
  }

  async jobAllocations(jobId: string): Promise<JsonObject[]> {
    return list((await this.get(`/v1/job/${jobId}/allocations`)).body);
  }

  drain(i: number, spec: object | null, more: object = {}): Promise<Answer> {
    return this.send('POST', `/v1/node/${this.under.nodes[i]?.id}/drain`, { DrainSpec: spec, ...more });
  }

  mark(i: number, Eligibility: 'eligible' | 'ineligible'): Promise<Answer> {
    return this.send('POST', `/v1/node/${this.under.nodes[i]?.id}/eligibility`, { Eligibility });
  }

  /** Polls until it holds, at quarters of a second; fails with what was last seen if it does not in time. */
  async until<T>(limitMs: number, look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
    const limit = this.under.now() + limitMs;
    for (;;) {
      const seen = await look();
      if (holds(seen)) return seen;
      if (this.under.now() > limit) throw new Error(`not within ${limitMs} ms; last seen: ${JSON.stringify(seen)}`);
      await this.under.waitForChange(limit);
    }
  }

  untilDrained(i: number, limitMs: number): Promise<JsonObject> {
    return this.until(
      limitMs,
      () => this.node(i),
      (node) => node.Drain === false,
    );
  }

  /** Registers a job and waits for its allocations to run (and, of a service, to be healthy). */
  async run(job: { ID: string; Type: string; Namespace?: string }, count = 1): Promise<JsonObject[]> {
    const { status, text } = await this.send('POST', '/v1/jobs', { Job: job });
    if (status !== 200) throw new Error(`job ${job.ID}: ${status} ${text}`);
    const ready = ({ ClientStatus, DeploymentStatus }: JsonObject) =>
      ClientStatus === 'running' &&
      (job.Type !== 'service' || (isObject(DeploymentStatus) && DeploymentStatus.Healthy === true));
    return this.until(
      15_000,
      async () => list((await this.get(`/v1/job/${job.ID}/allocations?namespace=${job.Namespace ?? 'default'}`)).body),
      (allocations) => allocations.filter(ready).length === count,
    );
  }

  /** Leaves the nodes as they were: no drain, eligible, nothing running. */
  async tidy(): Promise<void> {
    const jobs = list((await this.get('/v1/jobs?namespace=*')).body).filter(({ Stop }) => Stop !== true);
    for (const { ID, Namespace } of jobs) await this.send('DELETE', `/v1/job/${ID}?namespace=${Namespace}`);
    const filter = encodeURIComponent('ClientStatus == "pending" or ClientStatus == "running"');
    await this.until(
      30_000,
      async () => list((await this.get(`/v1/allocations?namespace=*&filter=${filter}`)).body),
      (running) => running.length === 0,
    );
    await this.under.wait(300);
    for (const [i] of this.under.nodes.entries()) await this.drain(i, null, { MarkEligible: true });
  }
}

export const list = (body: Json): JsonObject[] => {
  if (!Array.isArray(body)) throw new Error(`no list: ${JSON.stringify(body)}`);
  return body.filter(isObject);
};

export const object = (body: Json | undefined): JsonObject => {
  if (!isObject(body)) throw new Error(`no object: ${JSON.stringify(body)}`);
  return body;
};

/** A node's latest events, oldest first: message and details. */
export const eventsOf = (node: JsonObject): [message: string, details: Json][] =>
  list(node.Events ?? []).map(({ Message, Details }) => [String(Message), Details ?? null]);
