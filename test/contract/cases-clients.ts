import { expect, test } from 'vitest';
import { ends, job } from './contract-jobs.ts';
import { type Nomad, object } from './nomad-under-test.ts';

const NONE = '00000000-1111-2222-3333-444444444444';
const PASSED_ON = [
  '/v1/nodes',
  `/v1/node/${NONE}`,
  `/v1/node/${NONE}/allocations`,
  '/v1/allocations?namespace=*',
  '/v1/evaluations?namespace=*',
  '/v1/namespaces',
  '/v1/acl/token/self',
  '/v1/status/leader',
  '/v1/agent/members',
];

/** What a client agent answers by itself, and what it passes on to the servers. */
export const clientCases = (the: () => Nomad): void => {
  test.each(PASSED_ON)('a client answers %s as a server does', async (path) => {
    const ofServer = await the().get(path);
    const ofClient = await the().client(0, 'GET', path);
    const said = ({ status, headers }: typeof ofClient) => ({
      status,
      index: headers.has('x-nomad-index'),
      leader: headers.get('x-nomad-knownleader'),
    });
    expect(said(ofClient)).toEqual(said(ofServer));
    if (ofServer.status !== 200) expect(ofClient.text).toBe(ofServer.text);
  });

  test('a client takes an order for another node; one that changes nothing is answered with an index of 0', async () => {
    const path = `/v1/node/${the().under.nodes[1]?.id}/eligibility`;
    const mark = async () => (await the().client(0, 'POST', path, { Eligibility: 'ineligible' })).headers;
    expect(Number((await mark()).get('x-nomad-index'))).toBeGreaterThan(0);
    expect(await the().node(1)).toMatchObject({ SchedulingEligibility: 'ineligible' });
    expect((await mark()).get('x-nomad-index')).toBe('0');
    await the().mark(1, 'eligible');
  });

  test('a client drains another node, and reads the metadata that the other client keeps', async () => {
    const id = the().under.nodes[1]?.id;
    const { status, headers } = await the().client(0, 'POST', `/v1/node/${id}/drain`, {
      DrainSpec: { Deadline: 3600e9 },
    });
    expect([status, Number(headers.get('x-nomad-index')) > 0]).toEqual([200, true]);
    await the().untilDrained(1, 15_000);
    const metadata = await the().client(0, 'GET', `/v1/client/metadata?node_id=${id}`);
    expect([metadata.status, object(JSON.parse(metadata.text)).Meta]).toEqual([200, expect.any(Object)]);
  });

  test('a client reads the log of an allocation that another client has', async () => {
    const [allocation] = await the().run(job('told', 'batch', ends(60), { on: the().under.nodes[1]?.id ?? '' }));
    const path = `/v1/client/fs/logs/${allocation?.ID}?task=t&type=stderr&plain=true&origin=end&offset=100`;
    const read = async () => (await the().client(0, 'GET', path)).text;
    expect(await the().until(10_000, read, (text) => text !== '')).toContain('started');
  });

  test('without servers a client says so at once, whatever it is asked: it cannot even read the token', async () => {
    await the().under.stopServers();
    await the().under.wait(2_500);
    const refused = /^rpc error: .*connection refused$/;
    for (const path of PASSED_ON)
      expect(await the().client(0, 'GET', path), path).toMatchObject({
        status: 500,
        text: expect.stringMatching(refused),
      });
    const drain = `/v1/node/${the().under.nodes[1]?.id}/drain`;
    const order = await the().client(0, 'POST', drain, { DrainSpec: { Deadline: 3600e9 } });
    expect(order).toMatchObject({ status: 500, text: expect.stringMatching(refused) });
    await the().under.startServers();
    await the().until(
      60_000,
      () => the().client(0, 'GET', '/v1/nodes'),
      ({ headers }) => headers.get('x-nomad-knownleader') === 'true',
    );
  });
};
