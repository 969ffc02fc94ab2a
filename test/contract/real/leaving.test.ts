import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventBridgeEvent } from '../../../emulators/aws/events/events.ts';
import { rebalanceRecommendation, spotWarning } from '../../e2e/notice-events.ts';
import { type Allocation, Stage, SWEEP } from './stage.ts';

const FOREVER = 'while true; do sleep 1; done';
const place = { clock: { now: () => Date.now() } };
const context = { getRemainingTimeInMillis: () => 60_000 };

interface Node {
  ID: string;
  Status: string;
  SchedulingEligibility: string;
  DrainStrategy: { Deadline: number; ForceDeadline: string } | null;
  LastDrain: { Meta: Record<string, string> } | null;
  Meta: Record<string, string>;
}

let stage: Stage;
const node = (instanceId: string) => stage.ask<Node>('GET', `/v1/node/${stage.nodeOf(instanceId)}`);
const deadlineOf = async (instanceId: string) =>
  Date.parse((await node(instanceId)).DrainStrategy?.ForceDeadline ?? '');

/** The instance has to go: its lifecycle event. */
const event = async (instanceId: string) => {
  stage.events.length = 0;
  stage.aws.scaleIn('builders', [instanceId]);
  await expect.poll(() => stage.events.length, { timeout: 5_000 }).toBe(1);
  return stage.events[0];
};

describe('ways out, with a real Nomad', () => {
  beforeAll(async () => {
    stage = await Stage.start(9);
  }, 180_000);
  afterAll(() => stage?.close());

  it('a Spot warning starts the drain, and the lifecycle event that follows sends no second request', async () => {
    const instanceId = stage.inService();
    await stage.run('spot-first', stage.nodeOf(instanceId), FOREVER);
    const handler = await stage.deploy({});
    await handler({}, context);

    const warnedAt = Date.now();
    const report = await handler(spotWarning(instanceId, place), context);

    expect(report.instances).toMatchObject([{ instanceId, notice: 'spot', action: 'start-drain' }]);
    const deadline = await deadlineOf(instanceId);
    // Nomad counts the deadline from when it took the request; what it says of the start has whole seconds.
    const takenAt = deadline - ((await node(instanceId)).DrainStrategy?.Deadline ?? 0) / 1e6;
    console.log(`from the Spot warning to the drain request: ${Math.round(takenAt - warnedAt)} ms`);
    expect(deadline - warnedAt).toBeLessThanOrEqual(91_000);
    expect(deadline - warnedAt).toBeGreaterThan(80_000);

    await handler(await event(instanceId), context);
    expect(await deadlineOf(instanceId)).toBe(deadline);
    await stage.ask('DELETE', '/v1/job/spot-first?purge=true');
  });

  it('a Spot warning shortens the deadline of a drain that is on', async () => {
    const instanceId = stage.inService();
    await stage.run('spot-second', stage.nodeOf(instanceId), FOREVER);
    const handler = await stage.deploy({});
    await handler(await event(instanceId), context);
    expect((await deadlineOf(instanceId)) - Date.now()).toBeGreaterThan(3_600_000);

    await handler(spotWarning(instanceId, place), context);

    expect((await deadlineOf(instanceId)) - Date.now()).toBeLessThanOrEqual(91_000);
    // It is still the drain of the wait.
    expect((await node(instanceId)).LastDrain?.Meta).toHaveProperty('waiting_since');
    await stage.ask('DELETE', '/v1/job/spot-second?purge=true');
  });

  it('a cordoned node is ineligible and marked, and is given back', async () => {
    const instanceId = stage.inService();
    const handler = await stage.deploy({}, undefined, { notices: { rebalance: 'cordon', restoreSeconds: 60 } });
    await handler(rebalanceRecommendation(instanceId, place), context);
    expect(await node(instanceId)).toMatchObject({ SchedulingEligibility: 'ineligible', LastDrain: null });
    await expect
      .poll(async () => (await node(instanceId)).Meta, { timeout: 20_000 })
      .toHaveProperty('nomad_drain_hook_cordon');

    await sleep(61_000);
    await handler(SWEEP, { getRemainingTimeInMillis: () => 15_000 });

    expect((await node(instanceId)).SchedulingEligibility).toBe('eligible');
    await expect
      .poll(async () => (await node(instanceId)).Meta, { timeout: 20_000 })
      .not.toHaveProperty('nomad_drain_hook_cordon');
  });

  it('the node of a terminated instance is purged by a sweep once it is down, and never before', async () => {
    const instanceId = stage.inService();
    const nodeId = stage.nodeOf(instanceId);
    const handler = await stage.deploy({}, undefined, { purge: true });
    const sweep = () => handler(SWEEP, { getRemainingTimeInMillis: () => 15_000 });
    const terminated: unknown[] = [];
    // Others leave in the meantime, too.
    const note = (each: EventBridgeEvent) => each.detail.EC2InstanceId === instanceId && terminated.push(each);
    stage.aws.onEvent(note, { detailType: 'EC2 Instance Terminate Successful' });
    await handler(await event(instanceId), context);
    if (terminated.length === 0) await sweep();
    await expect.poll(() => terminated.length, { timeout: 60_000 }).toBe(1);

    // Its client still runs: EC2 says that it is gone, Nomad says that it is not.
    expect(await sweep()).not.toHaveProperty('purged');
    expect((await node(instanceId)).Status).toBe('ready');

    await stage.nomad.stopClient(stage.clientOf(instanceId));
    // How long Nomad takes to miss a client depends on its heartbeats.
    const purged = async () => (await sweep()).purged;
    await expect.poll(purged, { timeout: 90_000, interval: 1_000 }).toEqual([{ instanceId, nodeId }]);

    const nodes = await stage.ask<Node[]>('GET', '/v1/nodes');
    expect(nodes.map(({ ID }) => ID)).not.toContain(nodeId);
  }, 180_000);

  it('a wave moves nothing onto a node that is next', async () => {
    const inService = stage.aws.instances('builders').filter(({ state }) => state === 'InService');
    const [staying, ...going] = inService.map(({ id }) => id);
    expect(going.length).toBeGreaterThan(2);
    for (let index = 0; index < 3; index++) {
      await stage.run(`wave-${index}`, undefined, FOREVER, { type: 'service', count: 2 });
    }
    const allocations = async () =>
      (await Promise.all([0, 1, 2].map((index) => stage.allocationsOf(`wave-${index}`)))).flat();
    const before = new Set((await allocations()).map(({ ID }) => ID));
    const handler = await stage.deploy({ deadlineSeconds: 600 });
    stage.aws.scaleIn('builders', going);
    await expect.poll(() => stage.aws.waiting.length, { timeout: 5_000 }).toBe(going.length);

    while (stage.aws.waiting.length > 0) await handler(SWEEP, { getRemainingTimeInMillis: () => 30_000 });

    const moved = (await allocations()).filter(({ ID }: Allocation) => !before.has(ID));
    const places = new Set(moved.map(({ NodeID }) => NodeID));
    expect([...places]).toEqual(moved.length > 0 ? [stage.nodeOf(staying ?? '')] : []);
  });
});
