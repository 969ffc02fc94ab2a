import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Authority, type Certificate } from '../../emulators/certificates.ts';
import { Loopback } from '../../emulators/server.ts';
import { TlsFront } from '../../emulators/tls-front.ts';
import { RunClock } from '../../lambda/core/model/clock.ts';
import { NamedAgents } from '../../lambda/nomad/transport/agents.ts';
import { HttpTransport } from '../../lambda/nomad/transport/http.ts';
import type { Tls } from '../../lambda/nomad/transport/tls.ts';
import { systemClock } from '../../lambda/system-clock.ts';

const NAMES = ['server.global.nomad', 'localhost', '127.0.0.1'];

let authority: Authority;
let stranger: Authority;
beforeAll(async () => {
  authority = await Authority.create();
  stranger = await Authority.create('Another CA');
});

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const serve = async (certificate: Certificate, clientCa?: string) => {
  const plain = await Loopback.listen(() => ({ status: 200, body: '[]' }));
  const front = await TlsFront.before(plain.url, certificate, clientCa);
  open.push(plain, front);
  return front;
};

const atOnce = { ...systemClock, sleep: async () => {} };
const impatient = new RunClock(atOnce, Number.POSITIVE_INFINITY);
const asker = (tls: () => Promise<Tls>, ...addresses: string[]) => {
  const transport = new HttpTransport({ agents: new NamedAgents(addresses), tls });
  open.push(transport);
  return () => transport.ask({ method: 'GET', path: '/v1/nodes' }, impatient);
};
const ask = (front: TlsFront, tls: Tls) => asker(async () => tls, front.url)();

describe('Nomad over TLS', () => {
  it('is trusted where the configured CA has signed its certificate', async () => {
    const front = await serve(await authority.issue(NAMES));
    expect((await ask(front, { ca: authority.pem })).body).toEqual([]);
  });

  it('is not trusted with another CA, and says which setting to look at', async () => {
    const front = await serve(await authority.issue(NAMES));
    await expect(ask(front, { ca: stranger.pem })).rejects.toThrow(
      /GET \/v1\/nodes: its certificate is not signed by the configured CA .*check the parameter of ca/,
    );
    await expect(ask(front, {})).rejects.toThrow(/not signed by a public CA .*configure ca/);
  });

  it('is not trusted with an expired certificate', async () => {
    const front = await serve(await authority.issue(NAMES, -1));
    await expect(ask(front, { ca: authority.pem })).rejects.toThrow('its certificate, or its CA, has expired');
  });

  it("is trusted under the servers' own name where it is asked by another", async () => {
    const front = await serve(await authority.issue(['server.global.nomad']));
    await expect(ask(front, { ca: authority.pem })).rejects.toThrow(
      'its certificate is for DNS:server.global.nomad, not for 127.0.0.1: set serverName, e.g. server.global.nomad',
    );
    const { body } = await ask(front, { ca: authority.pem, serverName: 'server.global.nomad' });
    expect(body).toEqual([]);
  });

  it('that asks for a client certificate is given one, and says so where there is none or a wrong one', async () => {
    const front = await serve(await authority.issue(NAMES), authority.pem);
    const { ca, ours, theirs } = {
      ca: authority.pem,
      ours: await authority.issue(['client.global.nomad']),
      theirs: await stranger.issue(['client.global.nomad']),
    };
    expect((await ask(front, { ca, ...ours })).body).toEqual([]);
    await expect(ask(front, { ca })).rejects.toThrow(/asks for a client certificate .*configure clientCertificate/);
    await expect(ask(front, { ca, ...theirs })).rejects.toThrow(/refuse our client certificate.*[Cc]heck clientCert/);
  });

  it.each(['POST', 'GET'] as const)(
    'that closes connections before the handshake, since it has too many, is asked again: it does not refuse us (%s)',
    async (method) => {
      const front = await serve(await authority.issue(NAMES), authority.pem);
      let left = 2;
      const limited = createServer((socket) => {
        // As Nomad beyond http_max_conns_per_client.
        if (left-- > 0) {
          socket.resetAndDestroy();
          return;
        }
        const onward = connect(Number(new URL(front.url).port), '127.0.0.1');
        socket.pipe(onward).pipe(socket);
        for (const end of [socket, onward]) end.on('error', () => {});
      });
      await new Promise<void>((resolve) => limited.listen(0, '127.0.0.1', resolve));
      open.push(limited);
      const address = `https://127.0.0.1:${(limited.address() as AddressInfo).port}`;
      const tls = async () => ({ ca: authority.pem, ...(await authority.issue(['client.global.nomad'])) });
      const transport = new HttpTransport({ agents: new NamedAgents([address]), tls });
      open.push(transport);
      expect((await transport.ask({ method, path: '/v1/nodes' }, impatient)).body).toEqual([]);
      left = 100;
      transport.close();
      await expect(transport.ask({ method, path: '/v1/nodes' }, impatient)).rejects.toThrow(
        /(ECONNRESET|disconnected)(?!.*certificate)/,
      );
    },
  );

  it('is asked on with the new CA when its certificates are rotated', async () => {
    let now = 0;
    let trusted = authority.pem;
    const front = await serve(await authority.issue(NAMES));
    const transport = new HttpTransport({ agents: new NamedAgents([front.url]), tls: async () => ({ ca: trusted }) });
    open.push(transport);
    const clock = new RunClock({ ...atOnce, now: () => now }, Number.POSITIVE_INFINITY);
    await transport.ask({ method: 'GET', path: '/v1/nodes' }, clock);
    transport.close();
    front.renew(await stranger.issue(NAMES));
    trusted = stranger.pem;
    now += 60_000;

    expect((await transport.ask({ method: 'GET', path: '/v1/nodes' }, clock)).body).toEqual([]);
  });

  it('is told from a server that speaks plain HTTP', async () => {
    const plain = await Loopback.listen(() => ({ status: 200, body: '[]' }));
    open.push(plain);
    await expect(asker(async () => ({}), plain.url.replace('http:', 'https:'))()).rejects.toThrow(
      'it does not speak TLS: is its address http://?',
    );
  });
});

describe('several servers', () => {
  it('are asked in turn: a dead one is no outage, and is not asked again while another answers', async () => {
    const dead = await Loopback.listen(() => ({ status: 200, body: '[]' }));
    const { url } = dead;
    await dead.close();
    const sick = await Loopback.listen(() => ({ status: 503, body: 'No cluster leader' }));
    const well = await Loopback.listen(() => ({ status: 200, body: '["well"]' }));
    open.push(sick, well);
    const question = asker(async () => ({}), url, sick.url, well.url);

    expect((await question()).body).toEqual(['well']);
    expect((await question()).body).toEqual(['well']);

    expect(sick.arrived).toBe(1);
    expect(well.arrived).toBe(2);
  });

  it.each(['rpc error: EOF', 'Not ready to serve consistent reads', 'No cluster leader', 'rpc error: lost connection'])(
    'are asked on where one says %s',
    async (body) => {
      const sick = await Loopback.listen(() => ({ status: 500, body }));
      const well = await Loopback.listen(() => ({ status: 200, body: '["well"]' }));
      open.push(sick, well);
      expect((await asker(async () => ({}), sick.url, well.url)()).body).toEqual(['well']);
      expect(sick.arrived).toBe(1);
    },
  );

  it('are asked on where one is silent, for what only reads', async () => {
    const silent = await Loopback.listen(() => ({ status: 200, body: '[]' }));
    silent.fault = () => 'silence';
    const well = await Loopback.listen(() => ({ status: 200, body: '["well"]' }));
    open.push(silent, well);
    const transport = new HttpTransport({ agents: new NamedAgents([silent.url, well.url]) });
    open.push(transport);

    const order = { method: 'POST', path: '/v1/node/n1/drain', body: {}, timeoutMs: 50 } as const;
    await expect(transport.ask(order, impatient)).rejects.toThrow('no answer within the time limit');
    expect(well.arrived).toBe(0);
    expect((await transport.ask({ method: 'GET', path: '/v1/nodes', timeoutMs: 50 }, impatient)).body).toEqual([
      'well',
    ]);
  });
});
