import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { type EmulatorRequest, type EmulatorResponse, Loopback, type Mishap } from '../../emulators/server.ts';
import { type Clock, RunClock, RunOver } from '../../lambda/core/model/clock.ts';
import { NomadError } from '../../lambda/errors.ts';
import { NamedAgents } from '../../lambda/nomad/transport/agents.ts';
import { HttpTransport } from '../../lambda/nomad/transport/http.ts';
import type { NomadRequest } from '../../lambda/nomad/transport/transport.ts';
import { systemClock } from '../../lambda/system-clock.ts';

const SECRET = '11111111-canary-2222-3333-444444444444';
const JSON_TYPE = { 'Content-Type': 'application/json' };
const ok = (body: unknown): EmulatorResponse => ({ status: 200, headers: JSON_TYPE, body: JSON.stringify(body) });

let server: Loopback;
afterEach(() => server?.close());

/** A server that answers the first requests from the list, and everything after it with the last of them. */
const serve = async (...answers: Mishap[]) => {
  const seen: EmulatorRequest[] = [];
  server = await Loopback.listen(() => ok({}));
  server.fault = (request) => {
    const answer = answers[Math.min(seen.length, answers.length - 1)];
    seen.push(request);
    return answer === 'silence' ? new Promise(() => {}) : answer;
  };
  return seen;
};

/** Retries wait a moment each; here the moment is over at once. */
const impatient = { ...systemClock, sleep: async () => {} };

const client = (
  token: () => Promise<{ value: string }> = async () => ({ value: SECRET }),
  clock: Clock = impatient,
) => {
  const transport = new HttpTransport({ agents: new NamedAgents([server.url]), token });
  const run = new RunClock(clock, Number.POSITIVE_INFINITY);
  return { ask: (question: NomadRequest) => transport.ask(question, run) };
};

const read = { method: 'GET', path: '/v1/nodes' } as const;
const write = { method: 'POST', path: '/v1/node/n1/drain', body: { DrainSpec: null } } as const;

const failure = async (asked: Promise<unknown>): Promise<NomadError> => {
  const error = await asked.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(NomadError);
  return error as NomadError;
};

describe('what is asked of Nomad', () => {
  it('goes out with the token and asks for gzip, and comes back unpacked with its index', async () => {
    const body = gzipSync(JSON.stringify([{ ID: 'n1' }]));
    const headers = { ...JSON_TYPE, 'Content-Encoding': 'gzip', 'X-Nomad-Index': '42', 'X-Nomad-NextToken': 'n2' };
    const seen = await serve({ status: 200, headers, body });

    const answer = await client().ask({ ...read, query: { filter: 'Status == "ready"' } });

    expect(answer).toMatchObject({ body: [{ ID: 'n1' }], headers: { index: '42' }, nextToken: 'n2' });
    expect(seen[0]?.headers).toMatchObject({ 'x-nomad-token': SECRET, 'accept-encoding': 'gzip' });
    expect(seen[0]?.url.searchParams.get('filter')).toBe('Status == "ready"');
  });

  it('is asked over few connections that stay open', async () => {
    await serve(ok({}));
    const transport = client();
    await Promise.all(Array.from({ length: 60 }, () => transport.ask(read)));
    await Promise.all(Array.from({ length: 60 }, () => transport.ask(read)));
    expect(server.mostConnections).toBeLessThanOrEqual(8);
  });

  it('fails within its time limit when no answer comes, and says so', async () => {
    const seen = await serve('silence');
    const error = await failure(client().ask({ ...read, timeoutMs: 50 }));
    expect(error.message).toBe(`Nomad at ${server.url}: GET /v1/nodes: no answer within the time limit`);
    expect(error.status).toBe(0);
    expect(seen).toHaveLength(1);
  });

  it('fails with what came back, of whom, and never with the token', async () => {
    await serve({ status: 400, body: 'failed to read result page: no such field' });
    const error = await failure(client().ask(read));
    expect(error.message).toBe(`Nomad at ${server.url}: GET /v1/nodes: 400 failed to read result page: no such field`);
    expect(error).toMatchObject({ status: 400, method: 'GET', path: '/v1/nodes' });
    expect(JSON.stringify(error) + error.stack).not.toContain(SECRET);
  });

  it('takes nothing else with it where the run ends while its answer arrives', async () => {
    await serve(ok([{ ID: 'n1' }]));
    // Limits are asked for: for the answer, for a connection, for the body, and with each piece of that.
    for (let limits = 1; limits <= 4; limits++) {
      const transport = new HttpTransport({ agents: new NamedAgents([server.url]) });
      let asked = 0;
      const limit = (ms: number) => {
        if (++asked >= limits) throw new RunOver();
        return systemClock.limit(ms);
      };
      const run = new RunClock({ ...impatient, limit }, Number.POSITIVE_INFINITY);
      await transport.ask(read, run).catch(() => {});
      // An error of the connection that nobody hears would end the process.
      await new Promise((resolve) => setTimeout(resolve, 10));
      transport.close();
    }
    expect(await client().ask(read)).toMatchObject({ body: [{ ID: 'n1' }] });
  });

  it('fails when the answer is no JSON', async () => {
    await serve({ status: 200, body: '<html>welcome to the proxy</html>' });
    expect((await failure(client().ask(read))).message).toContain('not JSON: <html>welcome');
  });

  it('fails when the answer unpacks to more than it may hold', async () => {
    const body = gzipSync(Buffer.alloc(65 * 1024 * 1024, ' '));
    await serve({ status: 200, headers: { 'Content-Encoding': 'gzip' }, body });
    expect((await failure(client().ask(read))).message).toMatch(/larger than|Cannot create a Buffer/);
  });
});

describe('a list that is handed on element by element', () => {
  const each = (element: unknown) => (element as { ID: string }).ID;
  const list = { ...read, each };

  it('may be larger than any answer that is kept as a whole', async () => {
    const element = JSON.stringify({ ID: 'a', Job: 'x'.repeat(1024 * 1024) });
    const body = gzipSync(`[${Array.from({ length: 70 }, () => element).join()}]`);
    await serve({ status: 200, headers: { ...JSON_TYPE, 'Content-Encoding': 'gzip' }, body });
    expect((await client().ask(list)).body).toEqual(Array.from({ length: 70 }, () => 'a'));
  });

  it('begins anew where the first try breaks off in its middle', async () => {
    const answer = ok([{ ID: 'a' }, { ID: 'b' }, { ID: 'c' }]);
    let tries = 0;
    server = await Loopback.listen(() => answer);
    server.fault = () => (tries++ === 0 ? 'answer broken off' : undefined);
    expect((await client().ask(list)).body).toEqual(['a', 'b', 'c']);
    expect(tries).toBe(2);
  });

  it('fails with what came where that is no list, or a refusal', async () => {
    await serve({ status: 200, body: '<html>welcome to the proxy</html>' });
    expect((await failure(client().ask(list))).message).toContain('not a JSON list: <html>welcome');
    server.fault = () => ({ status: 403, body: 'Permission denied' });
    expect((await failure(client().ask(list))).message).toContain('403 Permission denied');
  });
});

describe('a question', () => {
  const passing: [string, EmulatorResponse | 'hang-up'][] = [
    ['too many connections', { status: 429, body: 'Your IP is issuing too many concurrent connections' }],
    ['a bad gateway', { status: 502, body: '' }],
    ['an unavailable server', { status: 503, body: '' }],
    ['no leader', { status: 500, body: 'No cluster leader' }],
    ['a connection that breaks', 'hang-up'],
  ];
  it.each(passing)('is asked again after %s', async (_, answer) => {
    const seen = await serve(answer, answer, ok({ fine: true }));
    expect((await client().ask(read)).body).toEqual({ fine: true });
    expect(seen).toHaveLength(3);
  });

  it('is given up after four tries', async () => {
    const seen = await serve({ status: 503, body: 'down' });
    await failure(client().ask(read));
    expect(seen).toHaveLength(4);
  });

  it('that Nomad cannot answer is not asked again', async () => {
    const seen = await serve({ status: 500, body: 'node lookup failed: index error: UUID must be 36 characters' });
    await failure(client().ask(read));
    expect(seen).toHaveLength(1);
  });
});

describe('an order', () => {
  it('is given again where it surely was not carried out', async () => {
    const seen = await serve({ status: 429, body: 'too many' }, ok({}));
    await client().ask(write);
    expect(seen).toHaveLength(2);
  });

  it.each([
    ['the connection broke', 'hang-up' as const],
    ['the server failed', { status: 502, body: '' }],
  ])('is not given again where it may have been carried out: %s', async (_, answer) => {
    const seen = await serve(answer);
    await failure(client().ask(write));
    expect(seen).toHaveLength(1);
  });

  it('is given again where nobody listened', async () => {
    await serve(ok({}));
    const transport = client();
    await server.close();
    expect((await failure(transport.ask(write))).message).toContain('ECONNREFUSED');
  });
});

describe('a token that Nomad refuses', () => {
  const refusal = { status: 403, body: 'Permission denied' };

  it('is fetched anew once it may have been rotated, by one of many questions', async () => {
    let fetched = 0;
    let now = 0;
    server = await Loopback.listen(({ headers }) => (headers['x-nomad-token'] === 'new' ? ok({}) : refusal));
    const rotated = async () => ({ value: fetched++ === 0 ? 'old' : 'new' });
    const transport = client(rotated, { ...impatient, now: () => now });
    await failure(transport.ask(read));
    now += 60_000;

    await Promise.all(Array.from({ length: 20 }, () => transport.ask(read)));

    expect(fetched).toBe(2);
  });

  it.each([
    ['an expired one', { status: 500, body: 'ACL token expired' }],
    ['an unknown one, as 1.6 says it', { status: 404, body: 'ACL token not found' }],
  ])('may be told so in other ways: %s', async (_, answer) => {
    let fetched = 0;
    let now = 0;
    server = await Loopback.listen(({ headers }) => (headers['x-nomad-token'] === 'new' ? ok({}) : answer));
    const rotated = async () => ({ value: fetched++ === 0 ? 'old' : 'new' });
    const transport = client(rotated, { ...impatient, now: () => now });
    await failure(transport.ask(read));
    now += 60_000;

    expect((await transport.ask(read)).body).toEqual({});
  });

  it('is refused with what Nomad said where it has not been rotated', async () => {
    await serve(refusal);
    expect((await failure(client().ask(read))).message).toContain('403 Permission denied');
  });

  it('that cannot be fetched at all fails every question with the reason', async () => {
    await serve(ok({}));
    const transport = client(() => Promise.reject(new Error('parameter /nomad/drain-token cannot be read: Denied')));
    await expect(transport.ask(read)).rejects.toThrow('parameter /nomad/drain-token cannot be read');
  });
});
