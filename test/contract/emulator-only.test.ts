import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../emulators/clock.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';

/** What neither recordings nor real agents cover: machines that die, plugins, disconnected clients, ACLs off. */

let clock: ManualClock;
let nomad: NomadEmulator;

beforeEach(async () => {
  clock = new ManualClock();
  nomad = await NomadEmulator.start({ clock, heartbeatTtlSeconds: 10 });
});
afterEach(() => nomad.close());

const drain = async (nodeId: string, DrainSpec: object = { Deadline: 3600e9 }) => {
  const body = JSON.stringify({ DrainSpec });
  expect((await fetch(`${nomad.url}/v1/node/${nodeId}/drain`, { method: 'POST', body })).status).toBe(200);
};

test('an instance that dies takes its build with it; the servers learn of it by the missed heartbeat', async () => {
  const { id } = nomad.addNode();
  const [build = ''] = nomad.run({ id: 'build', on: id });
  nomad.killInstance(id);
  expect(nomad.killed()).toMatchObject([{ jobId: 'build', jobType: 'batch', how: 'instance-died' }]);
  await clock.advance(9000);
  expect(nomad.allocation(build).ClientStatus).toBe('running');
  await clock.advance(2000);
  expect(nomad.node(id).Status).toBe('down');
  expect(nomad.allocation(build).ClientStatus).toBe('lost');
});

test('an instance that dies while a poststop task runs kills that task too, though its allocation has failed', async () => {
  const { id } = nomad.addNode();
  const [build = ''] = nomad.run({ id: 'build', on: id, runSeconds: 2, exitCode: 1, poststopSeconds: 30 });
  await clock.advance(10_000);
  expect(nomad.allocation(build)).toMatchObject({ ClientStatus: 'failed', TaskStates: { post: { State: 'running' } } });
  nomad.killInstance(id);
  expect(nomad.killed()).toMatchObject([{ task: 'post', poststop: true, jobId: 'build', how: 'instance-died' }]);
});

test('a poststop task that had yet to run is counted too, but nothing that has ended', async () => {
  const { id } = nomad.addNode();
  nomad.run({ id: 'build', on: id, runSeconds: 2, poststopSeconds: 5 });
  await clock.advance(2100);
  nomad.killInstance(id);
  expect(nomad.killed()).toMatchObject([{ task: 'post' }]);
  const other = nomad.addNode();
  nomad.run({ id: 'done', on: other.id, runSeconds: 2, poststopSeconds: 5 });
  await clock.advance(10_000);
  nomad.killInstance(other.id);
  expect(nomad.killed()).toHaveLength(1);
});

test('nothing starts without the agent: a poststop task waits until the agent is back', async () => {
  const { id } = nomad.addNode();
  const [build = ''] = nomad.run({ id: 'build', on: id, runSeconds: 2, poststopSeconds: 5 });
  nomad.stopClient(id);
  await clock.advance(6000);
  nomad.startClient(id);
  await clock.advance(2000);
  expect(nomad.allocation(build)).toMatchObject({
    ClientStatus: 'running',
    TaskStates: { t: { State: 'dead' }, post: { State: 'running' } },
  });
});

test('a disk whose instance dies before it is copied is lost, and the replacement starts without it', async () => {
  const a = nomad.addNode();
  nomad.run({ id: 'cache', type: 'service', migrateDisk: { copySeconds: 20 } });
  nomad.addNode();
  await drain(a.id);
  await clock.advance(5000);
  expect(nomad.node(a.id).Drain).toBe(false);
  expect(nomad.lostDisks()).toEqual([]);
  nomad.killInstance(a.id);
  await clock.advance(20_000);
  expect(nomad.lostDisks()).toHaveLength(1);
});

test('CSI plugins are stopped when everything else has ended, like system jobs, but IgnoreSystemJobs does not keep them', async () => {
  const { id } = nomad.addNode();
  const [plugin = ''] = nomad.run({ id: 'ebs', type: 'service', csiPlugin: true });
  nomad.run({ id: 'build', on: id, runSeconds: 10 });
  await drain(id, { Deadline: 3600e9, IgnoreSystemJobs: true });
  await clock.advance(9000);
  expect(nomad.allocation(plugin).DesiredStatus).toBe('run');
  await clock.advance(2000);
  expect(nomad.allocation(plugin).DesiredStatus).toBe('stop');
  expect(nomad.node(id).Drain).toBe(false);
});

test('a disconnected client keeps its drain on until its allocation is lost, and is down a heartbeat later', async () => {
  const { id } = nomad.addNode();
  const [keep = ''] = nomad.run({ id: 'keep', type: 'service', lostAfterSeconds: 25 });
  nomad.stopClient(id);
  await clock.advance(11_000);
  await drain(id);
  await clock.advance(10_000);
  expect(nomad.node(id)).toMatchObject({ Status: 'disconnected', Drain: true });
  expect(nomad.allocation(keep).ClientStatus).toBe('unknown');
  await clock.advance(15_000);
  expect(nomad.node(id)).toMatchObject({ Status: 'disconnected', Drain: false });
  expect(nomad.allocation(keep).ClientStatus).toBe('lost');
  await clock.advance(10_000);
  expect(nomad.node(id).Status).toBe('down');
});

test('a client that is back in time is ready again, and its unknown allocation runs on', async () => {
  const { id } = nomad.addNode();
  const [keep = ''] = nomad.run({ id: 'keep', type: 'service', lostAfterSeconds: 60 });
  nomad.stopClient(id);
  await clock.advance(15_000);
  nomad.startClient(id);
  await clock.advance(2000);
  expect(nomad.node(id).Status).toBe('ready');
  expect(nomad.allocation(keep)).toMatchObject({ ClientStatus: 'running', DesiredStatus: 'run' });
});

test('an instance has two nodes when its client comes back under a new identity, and loses both when it dies', async () => {
  const old = nomad.addNode({ instanceId: 'i-0a0a' });
  nomad.run({ id: 'forgotten', on: old.id });
  await drain(old.id);
  const fresh = nomad.newIdentity(old.id);
  expect([fresh.Name, fresh.SchedulingEligibility, fresh.Drain]).toEqual([old.Name, 'eligible', false]);
  nomad.run({ id: 'next' });
  await clock.advance(12_000);
  expect(nomad.allocationsOn(old.id)).toMatchObject([{ ClientStatus: 'lost' }]);
  expect(nomad.node(old.id)).toMatchObject({ Status: 'down', Drain: false });
  expect(nomad.killed()).toEqual([]);
  nomad.killInstance(old.id);
  expect(nomad.killed()).toMatchObject([{ jobId: 'next', nodeId: fresh.id, how: 'instance-died' }]);
});

test('a service whose replacement fails on its node is rescheduled there at growing delays, and its drain never ends', async () => {
  const a = nomad.addNode();
  const b = nomad.addNode();
  const post = await fetch(`${nomad.url}/v1/node/${b.id}/eligibility`, {
    method: 'POST',
    body: '{"Eligibility":"ineligible"}',
  });
  expect(post.status).toBe(200);
  nomad.run({ id: 'web', type: 'service', count: 2, failsOn: b.id, reschedule: { delaySeconds: 30 } });
  await fetch(`${nomad.url}/v1/node/${b.id}/eligibility`, { method: 'POST', body: '{"Eligibility":"eligible"}' });
  await drain(a.id, { Deadline: 0 });
  await clock.advance(600_000);
  expect(nomad.node(a.id).Drain).toBe(true);
  const chain = nomad.allocationsOn(b.id).sort((x, y) => x.CreateIndex - y.CreateIndex);
  const delays = chain.at(-1)?.RescheduleTracker?.Events.map(({ Delay }) => Delay / 1e9);
  expect(delays).toEqual([30, 60, 120, 240]);
});

test('many nodes that reach their deadlines within five seconds are forced together, at the latest of them', async () => {
  const a = nomad.addNode();
  const b = nomad.addNode();
  for (const { id } of [a, b]) nomad.run({ id: `build-${id}`, on: id });
  await drain(a.id, { Deadline: 10e9 });
  await drain(b.id, { Deadline: 14e9 });
  await clock.advance(12_000);
  expect(nomad.node(a.id).Drain).toBe(true);
  await clock.advance(3500);
  expect([nomad.node(a.id).Drain, nomad.node(b.id).Drain]).toEqual([false, false]);
});

test('a node with 72 MB of ended allocations is answered piece by piece, and quickly', async () => {
  const { id } = nomad.addNode();
  nomad.run({ id: 'ended', count: 1200, on: id, runSeconds: 1, cpu: 1, memoryMb: 1, padding: 60_000 });
  await clock.advance(5000);
  let bytes = 0;
  const response = await fetch(`${nomad.url}/v1/node/${id}/allocations`);
  for await (const chunk of response.body ?? []) bytes += (chunk as Uint8Array).length;
  expect(bytes).toBeGreaterThan(72e6);
  expect(response.headers.get('content-length')).toBeNull();
  const filter = encodeURIComponent(`NodeID == "${id}" and ClientStatus != "complete"`);
  expect(await (await fetch(`${nomad.url}/v1/allocations?filter=${filter}`)).json()).toEqual([]);
});
