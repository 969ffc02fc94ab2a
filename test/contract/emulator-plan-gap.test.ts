import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../emulators/clock.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';
import type { Evaluation } from '../../emulators/nomad/scheduler/evaluation.ts';
import { jobOf } from '../../emulators/nomad/scheduler/jobs.ts';

/** Nomad commits what it planned on an older snapshot: seen 751 ms after the drain that should have kept it away. */

let clock: ManualClock;
let nomad: NomadEmulator;
let nodeId: string;

beforeEach(async () => {
  clock = new ManualClock();
  nomad = await NomadEmulator.start({ clock });
  nodeId = nomad.addNode().id;
  nomad.planGapMs = 750;
});
afterEach(() => nomad.close());

const drain = async (DrainSpec: object = { Deadline: 3600e9 }) => {
  const body = JSON.stringify({ DrainSpec });
  const response = await fetch(`${nomad.url}/v1/node/${nodeId}/drain`, { method: 'POST', body });
  return (await response.json()) as { NodeModifyIndex: number };
};
const pending = async () => {
  const filter = encodeURIComponent('Status == "pending"');
  const response = await fetch(`${nomad.url}/v1/evaluations?namespace=*&filter=${filter}`);
  return (await response.json()) as Evaluation[];
};

test('builds that were planned before a drain land on the node after it, and nothing stops them', async () => {
  nomad.register(jobOf({ id: 'build', count: 40, cpu: 10 }));
  const { NodeModifyIndex } = await drain();
  await clock.advance(700);
  expect(nomad.node(nodeId)).toMatchObject({ Drain: false, LastDrain: { Status: 'complete' } });
  expect(nomad.allocationsOn(nodeId)).toEqual([]);
  await clock.advance(50);
  const landed = nomad.allocationsOn(nodeId);
  expect(landed).toHaveLength(40);
  expect(landed.every(({ CreateIndex }) => CreateIndex > NodeModifyIndex)).toBe(true);
  // By its time it seems older than the drain.
  expect(landed[0]?.CreateTime).toBe((clock.now() - 750) * 1e6);
  await clock.advance(60_000);
  expect(landed.every(({ ClientStatus, DesiredStatus }) => ClientStatus === 'running' && DesiredStatus === 'run')).toBe(
    true,
  );
});

test('the evaluation reads pending until its plan is committed', async () => {
  nomad.register(jobOf({ id: 'build' }));
  const { NodeModifyIndex } = await drain();
  const [evaluation] = await pending();
  expect(evaluation).toMatchObject({ JobID: 'build', TriggeredBy: 'job-register' });
  expect(evaluation?.CreateIndex).toBeLessThan(NodeModifyIndex);
  await clock.advance(750);
  expect(await pending()).toEqual([]);
  const after = nomad.state.evaluations.get(evaluation?.ID ?? '');
  expect(after).toMatchObject({ Status: 'complete' });
  expect(after?.ModifyIndex).toBeGreaterThan(nomad.allocationsOn(nodeId)[0]?.CreateIndex ?? Number.NaN);
});

test('a service that lands late is not migrated before the deadline, and is stopped there', async () => {
  nomad.run({ id: 'build', on: nodeId });
  nomad.register(jobOf({ id: 'late', type: 'service', on: nodeId }));
  await drain({ Deadline: 60e9 });
  await clock.advance(50_000);
  expect(nomad.allocationsOn(nodeId).map(({ JobID, DesiredStatus }) => [JobID, DesiredStatus])).toContainEqual([
    'late',
    'run',
  ]);
  await clock.advance(13_000);
  expect(nomad.allocationsOn(nodeId).every(({ DesiredStatus }) => DesiredStatus === 'stop')).toBe(true);
});

test('what is planned after the drain goes elsewhere', async () => {
  const other = nomad.addNode();
  await drain();
  nomad.register(jobOf({ id: 'build' }));
  await clock.advance(1000);
  expect(nomad.allocationsOn(nodeId)).toEqual([]);
  expect(nomad.allocationsOn(other.id)).toHaveLength(1);
});

test('a job has one plan in flight: its stop waits for the start that was planned before', async () => {
  nomad.register(jobOf({ id: 'build' }));
  await fetch(`${nomad.url}/v1/job/build`, { method: 'DELETE' });
  await clock.advance(750);
  expect(nomad.allocationsOn(nodeId)).toMatchObject([{ DesiredStatus: 'run' }]);
  await clock.advance(750);
  expect(nomad.allocationsOn(nodeId)).toMatchObject([{ DesiredStatus: 'stop' }]);
});

test('two plans for the same room: the later one is refused, and planned anew', async () => {
  nomad.register(jobOf({ id: 'first', cpu: 4000 }));
  await clock.advance(100);
  nomad.register(jobOf({ id: 'second', cpu: 4000 }));
  const other = nomad.addNode();
  await clock.advance(650);
  expect(nomad.allocationsOn(nodeId)).toMatchObject([{ JobID: 'first' }]);
  await clock.advance(1000);
  expect(nomad.allocationsOn(other.id)).toMatchObject([{ JobID: 'second' }]);
});
