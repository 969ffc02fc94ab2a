import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../emulators/clock.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';

/** What runs on the machines, which no Nomad tells once it has forgotten it: seen with `ps` beside 1.6.10, 1.11.3 and 2.0.6. */

let clock: ManualClock;
let nomad: NomadEmulator;
let nodeId: string;

beforeEach(async () => {
  clock = new ManualClock();
  nomad = await NomadEmulator.start({ clock, heartbeatTtlSeconds: 10 });
  nodeId = nomad.addNode({ instanceId: 'i-0a0a' }).id;
});
afterEach(() => nomad.close());

const ask = async (method: string, path: string, body?: object) =>
  (await fetch(`${nomad.url}${path}`, { method, ...(body && { body: JSON.stringify(body) }) })).status;
const running = () =>
  nomad.processes().map(({ task, jobId, pending }) => (pending ? `${jobId} ${task}?` : `${jobId} ${task}`));

test('a build is a process from its start to its end, and its poststop task after it', async () => {
  nomad.run({ id: 'build', on: nodeId, runSeconds: 10, poststopSeconds: 5 });
  expect(nomad.processes()).toMatchObject([
    { task: 't', jobId: 'build', jobType: 'batch', namespace: 'default', nodeId, poststop: false, pending: false },
  ]);
  await clock.advance(10_100);
  expect(running()).toEqual(['build post?']);
  await clock.advance(500);
  expect(running()).toEqual(['build post']);
  await clock.advance(5000);
  expect(running()).toEqual([]);
});

test('purged builds are stopped two at a time, each within its kill timeout, and no list has them', async () => {
  nomad.run({ id: 'build', on: nodeId, count: 6, stopSeconds: 60, killTimeoutSeconds: 4 });
  expect(await ask('DELETE', '/v1/job/build?purge=true')).toBe(200);
  expect(nomad.allocationsOn(nodeId)).toEqual([]);
  const seen = [];
  for (const ms of [1000, 4000, 4000, 4000]) {
    await clock.advance(ms);
    seen.push(nomad.processes().length);
  }
  expect(seen).toEqual([6, 4, 2, 0]);
  expect(nomad.killed()).toHaveLength(6);
});

test('a shutdown delay comes before the kill signal: of the group, then of the task, which is pending meanwhile', async () => {
  const spec = { shutdownDelaySeconds: 3, groupShutdownDelaySeconds: 2 };
  const [build = ''] = nomad.run({ id: 'build', on: nodeId, ...spec });
  const [group] = nomad.allocation(build).Job.TaskGroups;
  expect([group?.ShutdownDelay, group?.Tasks[0]?.ShutdownDelay]).toEqual([2e9, 3e9]);
  await ask('DELETE', '/v1/job/build');
  await clock.advance(1900);
  expect(nomad.allocation(build).TaskStates?.t?.State).toBe('running');
  await clock.advance(600);
  const { ClientStatus, TaskStates } = nomad.allocation(build);
  expect([ClientStatus, TaskStates?.t?.State]).toEqual(['pending', 'pending']);
  expect(TaskStates?.t?.Events.map(({ Type }) => Type).slice(-2)).toEqual(['Killing', 'Waiting for shutdown delay']);
  expect(running()).toEqual(['build t']);
  await clock.advance(3000);
  expect(running()).toEqual([]);
  expect(nomad.allocation(build).ClientStatus).toBe('complete');
});

test('a purged build still uploads, to the end of its poststop task', async () => {
  nomad.run({ id: 'build', on: nodeId, poststopSeconds: 30 });
  await ask('DELETE', '/v1/job/build?purge=true');
  await clock.advance(20_000);
  expect(nomad.processes()).toMatchObject([{ task: 'post', poststop: true, forgottenBy: 'servers' }]);
  await clock.advance(12_000);
  expect(running()).toEqual([]);
});

test('garbage collection takes a failed build whose poststop task uploads, which goes on', async () => {
  nomad.run({ id: 'build', on: nodeId, runSeconds: 1, exitCode: 1, poststopSeconds: 30 });
  await clock.advance(3000);
  await ask('PUT', '/v1/system/gc');
  await clock.advance(1000);
  expect(nomad.allocationsOn(nodeId)).toEqual([]);
  expect(running()).toEqual(['build post']);
  await clock.advance(30_000);
  expect(running()).toEqual([]);
});

test('a purged build on a frozen agent runs on until the agent is back', async () => {
  nomad.run({ id: 'build', on: nodeId });
  nomad.stopClient(nodeId);
  await ask('DELETE', '/v1/job/build?purge=true');
  await clock.advance(300_000);
  expect(running()).toEqual(['build t']);
  nomad.startClient(nodeId);
  await clock.advance(3000);
  expect(running()).toEqual([]);
});

test('lost is no end: with its agent frozen a build is lost and its node down, while it runs', async () => {
  const [build = ''] = nomad.run({ id: 'build', on: nodeId });
  nomad.stopClient(nodeId);
  await clock.advance(15_000);
  expect(nomad.node(nodeId).Status).toBe('down');
  expect(nomad.allocation(build)).toMatchObject({
    ClientStatus: 'lost',
    DesiredStatus: 'stop',
    TaskStates: { t: { State: 'running', FinishedAt: null } },
  });
  expect(running()).toEqual(['build t']);
  await ask('POST', `/v1/node/${nodeId}/drain`, { DrainSpec: { Deadline: 3600e9 } });
  await clock.advance(100);
  expect(nomad.node(nodeId).Drain).toBe(false);
  nomad.startClient(nodeId);
  await clock.advance(500);
  expect([nomad.node(nodeId).Status, nomad.allocation(build).ClientStatus]).toEqual(['ready', 'lost']);
  await clock.advance(2000);
  expect(nomad.allocation(build).ClientStatus).toBe('complete');
  expect(running()).toEqual([]);
});

test('what an agent forgets runs on to its own end, or to that of its machine; its poststop task never runs', async () => {
  nomad.run({ id: 'short', on: nodeId, runSeconds: 60, poststopSeconds: 5 });
  nomad.run({ id: 'long', on: nodeId });
  const fresh = nomad.newIdentity(nodeId);
  expect(nomad.processes()).toMatchObject([{ forgottenBy: 'agent' }, { forgottenBy: 'agent' }]);
  await clock.advance(61_000);
  expect(running()).toEqual(['long t']);
  nomad.killInstance(fresh.id);
  expect(running()).toEqual([]);
});

test('an agent that starts again without its fingerprint of EC2 is the same node, drain and all, with what it runs', async () => {
  nomad.run({ id: 'build', on: nodeId });
  const body = { DrainSpec: { Deadline: 3600e9 }, Meta: { by: 'us' } };
  await ask('POST', `/v1/node/${nodeId}/drain`, body);
  const { Events } = nomad.node(nodeId);
  nomad.restartWithoutFingerprint(nodeId, { address: '10.9.9.9' });
  const node = nomad.node(nodeId);
  expect(node).toMatchObject({
    Status: 'ready',
    Drain: true,
    SchedulingEligibility: 'ineligible',
    LastDrain: { Meta: { by: 'us' } },
    HTTPAddr: '10.9.9.9:4646',
    Events,
  });
  expect(node.Attributes['unique.network.ip-address']).toBe('10.9.9.9');
  expect(Object.keys(node.Attributes).filter((name) => name.includes('aws'))).toEqual([]);
  expect(running()).toEqual(['build t']);
  nomad.killInstance(nodeId);
  expect(running()).toEqual([]);
});

test('a new identity without a fingerprint is on the machine all the same', async () => {
  const fresh = nomad.newIdentity(nodeId, { withoutFingerprint: true, address: '10.9.9.9' });
  expect(fresh.HTTPAddr).toBe('10.9.9.9:4646');
  expect(Object.keys(fresh.Attributes).filter((name) => name.includes('aws'))).toEqual([]);
  nomad.run({ id: 'build', on: fresh.id });
  nomad.killInstance(nodeId);
  expect(nomad.killed()).toMatchObject([{ jobId: 'build', how: 'instance-died' }]);
});

test('a purged node comes back seven and a half seconds later, if its agent lives, or when it lives again', async () => {
  nomad.run({ id: 'build', on: nodeId });
  nomad.stopClient(nodeId);
  await ask('POST', `/v1/node/${nodeId}/purge`, {});
  await clock.advance(60_000);
  expect(nomad.state.nodes.size).toBe(0);
  nomad.startClient(nodeId);
  expect(nomad.node(nodeId)).toMatchObject({ SchedulingEligibility: 'eligible', LastDrain: null });
  await ask('POST', `/v1/node/${nodeId}/purge`, {});
  await clock.advance(7000);
  expect(nomad.state.nodes.size).toBe(0);
  await clock.advance(1000);
  expect(nomad.node(nodeId)).toMatchObject({
    Status: 'ready',
    Attributes: { 'unique.platform.aws.instance-id': 'i-0a0a' },
  });
});

test('a disk that waits for a delayed reschedule is lost with its drained node', async () => {
  const other = nomad.addNode();
  nomad.run({
    id: 'cache',
    type: 'service',
    failsOn: nodeId,
    failsAfterSeconds: 3,
    migrateDisk: { copySeconds: 1 },
    reschedule: { delaySeconds: 60 },
  });
  const [first] = nomad.allocationsOn(nodeId);
  expect(first).toBeDefined();
  await clock.advance(5000);
  await ask('POST', `/v1/node/${nodeId}/drain`, { DrainSpec: { Deadline: 3600e9 } });
  await clock.advance(100);
  expect(nomad.node(nodeId).LastDrain?.Status).toBe('complete');
  nomad.killInstance(nodeId);
  await clock.advance(70_000);
  expect(nomad.allocationsOn(other.id)).toMatchObject([{ ClientStatus: 'running' }]);
  expect(nomad.lostDisks()).toMatchObject([{ previousAllocationId: first?.ID }]);
});
