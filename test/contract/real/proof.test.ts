import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Report } from '../../../lambda/core/report.ts';
import { RunningClock } from '../../emulators/clock.ts';
import { processesOf } from './processes.ts';
import { Stage, SWEEP, shellTask } from './stage.ts';

const TOKEN = { token: { parameter: '/nomad/drain-token' } };
const HOUR = 3_600_000;
/** It ends by SIGKILL alone. */
const STUBBORN = 'trap "" TERM INT; while true; do sleep 1; done';

interface Node {
  Drain: boolean;
  SchedulingEligibility: string;
  Meta: Record<string, string>;
  Attributes: Record<string, string>;
}

type Handler = Awaited<ReturnType<Stage['deploy']>>;

let stage: Stage;

const nodeOf = (nodeId: string) => stage.ask<Node>('GET', `/v1/node/${nodeId}`);

const sweep = (handler: Handler, remainingMs = 20_000): Promise<Report> =>
  handler(SWEEP, { getRemainingTimeInMillis: () => remainingMs });

/** Sweeps until the instance is released. @returns what was reported of it */
const untilReleased = async (handler: Handler, instanceId: string) => {
  let last: Report | undefined;
  while (!stage.completionOf(instanceId)) last = await sweep(handler);
  return last?.instances.find((each) => each.instanceId === instanceId);
};

const releasedAt = (instanceId: string) => stage.completionOf(instanceId)?.at ?? Number.NaN;

/** Looks for processes with this word in their command line, until it is stopped. */
const watch = (word: string) => {
  let seenAt = Number.NaN;
  const look = setInterval(() => {
    if (processesOf(word).length > 0) seenAt = Date.now();
  }, 100);
  return {
    /** When the last of them was seen, milliseconds since the epoch. */
    ended: async () => {
      await expect.poll(() => processesOf(word).length, { timeout: 60_000 }).toBe(0);
      clearInterval(look);
      return seenAt;
    },
  };
};

describe('a release is a proof, with a real Nomad', () => {
  beforeAll(async () => {
    stage = await Stage.start(11);
  }, 180_000);
  afterAll(() => stage?.close());

  it('waits for the upload of a build whose agent no longer says which instance it is since the drain began', async () => {
    const instanceId = stage.inService();
    const nodeId = stage.nodeOf(instanceId);
    const upload = shellTask('upload', 'sleep 20', { Lifecycle: { Hook: 'poststop' } });
    const options = { tasks: [upload], group: stage.keptWhileAway };
    await stage.run('fails', nodeId, 'sleep 25; exit 1', options);
    await (await stage.deploy({ graceSeconds: 5 }))(await stage.beginScaleIn(instanceId), {});
    expect(await nodeOf(nodeId)).toMatchObject({ Drain: true });
    await stage.nomad.restartUnnamed(stage.clientOf(instanceId));
    expect((await nodeOf(nodeId)).Attributes).not.toHaveProperty(['unique.platform.aws.instance-id']);

    const report = await untilReleased(await stage.deploy({ graceSeconds: 5 }), instanceId);

    expect(report).toMatchObject({ nodeId, outcome: 'drained' });
    const [allocation] = await stage.allocationsOf('fails');
    expect(allocation).toMatchObject({ ClientStatus: 'failed', TaskStates: { upload: { State: 'dead' } } });
    expect(releasedAt(instanceId)).toBeGreaterThanOrEqual(await stage.stoppedAt('fails'));
  }, 180_000);

  it('lets a node run on that is another instance by its fingerprint, though its metadata names the one that goes', async () => {
    const [instanceId = '', other = ''] = stage.allInService();
    const NodeID = stage.nodeOf(other);
    await stage.ask('POST', `/v1/client/metadata?node_id=${NodeID}`, { NodeID, Meta: { instance: instanceId } });
    await expect.poll(async () => (await nodeOf(NodeID)).Meta, { timeout: 30_000 }).toHaveProperty('instance');
    await stage.run('of-other', NodeID, 'sleep 600');
    const handler = await stage.deploy({}, { ...TOKEN, nodeMetaKey: 'instance' });
    const event = await stage.beginScaleIn(instanceId);

    const report = await handler(event, {});
    await untilReleased(handler, instanceId);
    await sweep(handler);

    expect(report.instances).toMatchObject([{ instanceId, nodeId: stage.nodeOf(instanceId) }]);
    expect(await nodeOf(NodeID)).toMatchObject({ Drain: false, SchedulingEligibility: 'eligible' });
    expect(await stage.allocationsOf('of-other')).toMatchObject([{ ClientStatus: 'running' }]);
    await stage.ask('DELETE', '/v1/job/of-other');
  }, 120_000);

  it('believes no event that is sent again with a time sixteen hours old, while a build runs', async () => {
    const instanceId = stage.inService();
    await stage.run('old-event', stage.nodeOf(instanceId), 'sleep 45');
    const handler = await stage.deploy({});
    const event = await stage.beginScaleIn(instanceId);
    await handler(event, {});
    const time = (hours: number) => new Date(Date.now() - hours * HOUR).toISOString();

    const reports: Report[] = [];
    for (const hours of [16, 44, 70]) reports.push(await handler({ ...event, time: time(hours) }, {}));
    reports.push(await sweep(handler));

    expect(stage.completionOf(instanceId)).toBeUndefined();
    for (const { instances } of reports) expect(instances).toMatchObject([{ instanceId, action: 'wait' }]);
    expect(await untilReleased(handler, instanceId)).toMatchObject({ outcome: 'drained' });
    expect(await stage.allocationsOf('old-event')).toMatchObject([{ ClientStatus: 'complete' }]);
    expect(releasedAt(instanceId)).toBeGreaterThanOrEqual(await stage.stoppedAt('old-event'));
  }, 120_000);

  it("forces no drain before an operator's deadline, though Nomad's clock is two minutes behind", async () => {
    const instanceId = stage.inService();
    const nodeId = stage.nodeOf(instanceId);
    await stage.run('skewed', nodeId, 'sleep 40');
    await stage.ask('POST', `/v1/node/${nodeId}/drain`, { DrainSpec: { Deadline: 75e9 } });
    class Ahead extends RunningClock {
      override now(): number {
        return super.now() + 120_000;
      }
    }
    const handler = await stage.deploy({ killMarginSeconds: 5 }, TOKEN, {}, new Ahead());
    await handler(await stage.beginScaleIn(instanceId), {});

    expect(await untilReleased(handler, instanceId)).toMatchObject({ outcome: 'drained' });
    expect(await stage.allocationsOf('skewed')).toMatchObject([{ ClientStatus: 'complete' }]);
    expect(releasedAt(instanceId)).toBeGreaterThanOrEqual(await stage.stoppedAt('skewed'));
  }, 120_000);

  it.each([1, 6])(
    'waits for the processes of %d builds that are purged while their node drains, and that Nomad then forgets',
    async (builds) => {
      const instanceId = stage.inService();
      const nodeId = stage.nodeOf(instanceId);
      const jobs = Array.from({ length: builds }, (_, index) => `purged-${builds}-${index}`);
      for (const job of jobs)
        await stage.run(job, nodeId, `: process-of-${job}; ${STUBBORN}`, { killTimeoutSeconds: 6 });
      const processes = watch(`process-of-purged-${builds}-`);
      const handler = await stage.deploy({ killMarginSeconds: 5 });
      await handler(await stage.beginScaleIn(instanceId), {});
      await sweep(handler);
      for (const job of jobs) await stage.ask('DELETE', `/v1/job/${job}?purge=true`);
      const purgedAt = Date.now();

      const report = await untilReleased(handler, instanceId);
      const ended = await processes.ended();

      console.log(
        `${builds} purged: processes ended after ${ended - purgedAt} ms, released after ${releasedAt(instanceId) - purgedAt} ms`,
      );
      expect(report).toMatchObject({ outcome: 'drained' });
      expect(releasedAt(instanceId)).toBeGreaterThanOrEqual(ended);
    },
    180_000,
  );

  it('waits for the upload of a failed build that the garbage collection of Nomad has forgotten', async () => {
    const instanceId = stage.inService();
    const upload = shellTask('upload', ': process-of-collected; sleep 25; true', { Lifecycle: { Hook: 'poststop' } });
    const group = { ReschedulePolicy: { Attempts: 0, Unlimited: false } };
    await stage.run('collected', stage.nodeOf(instanceId), 'sleep 20; exit 1', { tasks: [upload], group });
    const processes = watch('process-of-collected');
    const handler = await stage.deploy({ killMarginSeconds: 40 });
    await handler(await stage.beginScaleIn(instanceId), {});
    for (let status = ''; status !== 'failed'; ) {
      await sweep(handler);
      status = (await stage.allocationsOf('collected'))[0]?.ClientStatus ?? '';
    }
    await expect.poll(() => processesOf('process-of-collected').length, { timeout: 20_000 }).toBeGreaterThan(0);
    await stage.ask('PUT', '/v1/system/gc');
    const collectedAt = Date.now();
    await sleep(1_000);
    const left = await stage.ask<unknown[]>('GET', `/v1/node/${stage.nodeOf(instanceId)}/allocations`);

    await untilReleased(handler, instanceId);
    const ended = await processes.ended();

    console.log(
      `collected (${left.length} left): upload ended after ${ended - collectedAt} ms, released after ${releasedAt(instanceId) - collectedAt} ms`,
    );
    expect(releasedAt(instanceId)).toBeGreaterThanOrEqual(ended);
  }, 180_000);

  it('releases an instance soon after the end of its last build by a job stop, which leaves the drain on', async () => {
    const instanceId = stage.inService();
    await stage.run('stopped', stage.nodeOf(instanceId), 'while true; do sleep 1; done', { killTimeoutSeconds: 1 });
    const handler = await stage.deploy({});
    await handler(await stage.beginScaleIn(instanceId), {});
    const stop = sleep(10_000).then(() => stage.ask('DELETE', '/v1/job/stopped'));
    await sweep(handler, 70_000);
    await stop;
    while (!stage.completionOf(instanceId)) await sweep(handler, 70_000);

    const after = releasedAt(instanceId) - (await stage.stoppedAt('stopped'));
    console.log(`released ${after} ms after the end of the stopped build`);
    expect(after).toBeGreaterThanOrEqual(0);
  }, 180_000);

  it('keeps an instance, up for hours, while a live node may be it that says nothing, and names that node', async () => {
    const client = stage.clientOf(stage.inService());
    await stage.nomad.loseFingerprint(client);
    const { id, name } = stage.nomad.nodes[client] ?? { id: '', name: '' };
    await stage.run('unattributed', id, 'sleep 600');
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() - 3 * HOUR);
    const instanceId = stage.aws.addInstance('builders', { id: 'i-0fedcba9876543210' });
    clock.mockRestore();
    const handler = await stage.deploy({ graceSeconds: 5 });
    await handler(await stage.beginScaleIn(instanceId), {}).catch(() => {});

    const said: string[] = [];
    for (let sweeps = 0; sweeps < 3; sweeps++) {
      const failed = sweep(handler).then(
        () => '',
        (error: Error) => error.message,
      );
      said.push(await failed);
    }

    expect(said.at(-1)).toContain(`any of these live nodes may be it: ${name} (${id})`);
    expect(stage.completionOf(instanceId)).toBeUndefined();
    expect(await stage.allocationsOf('unattributed')).toMatchObject([{ ClientStatus: 'running' }]);

    const told = await stage.deploy({ graceSeconds: 5 }, { ...TOKEN, outsideEc2: { datacenters: ['dc1'] } });
    expect(await untilReleased(told, instanceId)).toMatchObject({ outcome: 'not-a-node' });
  }, 180_000);
});
