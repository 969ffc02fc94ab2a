import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../emulators/clock.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';

/** Answers that cannot be had of a real Nomad at will: of an agent that shuts down, of clocks that go wrong, of another leader. */

let clock: ManualClock;
let nomad: NomadEmulator;
let nodeId: string;
let build: string;

beforeEach(async () => {
  clock = new ManualClock();
  nomad = await NomadEmulator.start({ clock });
  nodeId = nomad.addNode().id;
  build = nomad.run({ id: 'build', on: nodeId })[0] ?? '';
});
afterEach(() => nomad.close());

const ask = async (path: string, method = 'GET', body?: object) => {
  const response = await fetch(`${nomad.url}${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
  return { status: response.status, text: await response.text(), headers: response.headers };
};
const HOLLOW = { 'x-nomad-index': '0', 'x-nomad-knownleader': 'false', 'x-nomad-lastcontact': '0' };

test('an agent that shuts down lists nothing', async () => {
  nomad.hollow = true;
  for (const path of [
    '/v1/nodes',
    '/v1/nodes?filter=malformed',
    '/v1/allocations?namespace=*',
    '/v1/evaluations?namespace=*',
    '/v1/jobs?namespace=*',
    '/v1/namespaces',
    `/v1/node/${nodeId}/allocations`,
    '/v1/job/build/allocations',
    '/v1/nodes?index=1&wait=60s',
  ]) {
    const { status, text, headers } = await ask(path);
    expect([path, status, text]).toEqual([path, 200, '[]']);
    expect(Object.fromEntries(headers)).toMatchObject(HOLLOW);
  }
});

test('an agent that shuts down finds nothing, in the words of a Nomad that has nothing', async () => {
  nomad.hollow = true;
  for (const [path, words] of [
    [`/v1/node/${nodeId}`, 'node not found'],
    ['/v1/node/malformed', 'node not found'],
    [`/v1/allocation/${build}`, 'alloc not found'],
    ['/v1/job/build', 'job not found'],
    ['/v1/acl/token/self', 'ACL token not found'],
    ['/v1/acl/policy/own', 'ACL policy not found'],
  ] as const) {
    const { status, text, headers } = await ask(path);
    expect([path, status, text]).toEqual([path, 404, words]);
    expect(Object.fromEntries(headers)).toMatchObject(HOLLOW);
  }
  expect(await ask('/v1/status/leader')).toMatchObject({ status: 200, text: '""' });
});

test('an agent that shuts down seems to accept a drain, a mark and a purge, of which nobody hears', async () => {
  nomad.hollow = ({ method }) => method !== 'GET';
  const drained = await ask(`/v1/node/${nodeId}/drain`, 'POST', { DrainSpec: { Deadline: 60e9 } });
  expect(drained).toMatchObject({
    status: 200,
    text: '{"EvalCreateIndex":0,"EvalIDs":null,"Index":0,"NodeModifyIndex":0}',
  });
  expect(drained.headers.get('x-nomad-index')).toBe('0');
  const marked = await ask(`/v1/client/metadata?node_id=${nodeId}`, 'POST', { Meta: { mark: 'x' } });
  expect(marked).toMatchObject({ status: 200, text: '{"Dynamic":null,"Meta":null,"Static":null}' });
  expect((await ask(`/v1/node/${nodeId}/purge`, 'POST', {})).status).toBe(200);
  expect(nomad.node(nodeId)).toMatchObject({ Drain: false, Meta: {}, SchedulingEligibility: 'eligible' });
  expect(JSON.parse((await ask('/v1/nodes')).text)).toHaveLength(1);
});

test('clocks that are ahead date all that Nomad says, and its timers run as long as ever', async () => {
  nomad.clockSkewMs = 120_000;
  const before = clock.now();
  const { headers } = await ask(`/v1/node/${nodeId}/drain`, 'POST', { DrainSpec: { Deadline: 60e9 } });
  expect(headers.get('date')).toBe(new Date(before + 120_000).toUTCString());
  const { DrainStrategy, LastDrain, Events } = nomad.node(nodeId);
  expect(Date.parse(DrainStrategy?.ForceDeadline ?? '')).toBe(before + 180_000);
  expect(Date.parse(LastDrain?.StartedAt ?? '')).toBe(before + 120_000);
  expect(Date.parse(Events.at(-1)?.Timestamp ?? '')).toBe(before + 120_000);
  // Clocks are set right in the middle of it.
  nomad.clockSkewMs = -30_000;
  await clock.advance(58_000);
  expect(nomad.node(nodeId).Drain).toBe(true);
  await clock.advance(4000);
  expect(nomad.node(nodeId)).toMatchObject({ Drain: false, LastDrain: { UpdatedAt: expect.any(String) } });
  expect(Date.parse(nomad.node(nodeId).LastDrain?.UpdatedAt ?? '')).toBeLessThan(before + 40_000);
  expect(nomad.allocation(build).ModifyTime / 1e6).toBeLessThan(clock.now());
});

test("an answer that is not Nomad's is dated by the true time", async () => {
  nomad.clockSkewMs = 120_000;
  nomad.server.fault = () => ({ status: 502, body: 'Bad Gateway' });
  expect((await ask('/v1/nodes')).headers.get('date')).toBe(new Date(clock.now()).toUTCString());
});

test('the leader changes', async () => {
  const first = (await ask('/v1/status/leader')).text;
  expect((await ask('/v1/status/leader')).text).toBe(first);
  nomad.newLeader();
  expect((await ask('/v1/status/leader')).text).not.toBe(first);
});

test('without ACLs a token is described by index zero, and a leader is known; nothing else of ACLs is answered', async () => {
  const self = await ask('/v1/acl/token/self');
  expect([self.status, self.headers.get('x-nomad-index'), self.headers.get('x-nomad-knownleader')]).toEqual([
    200,
    '0',
    'true',
  ]);
  const disabled = { status: 400, text: 'ACL support disabled' };
  expect(await ask('/v1/acl/policies')).toMatchObject(disabled);
  await nomad.close();
  nomad = await NomadEmulator.start({ clock, version: '1.8.4' });
  expect(await ask('/v1/acl/token/self')).toMatchObject(disabled);
});
