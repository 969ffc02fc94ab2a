import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunningClock } from '../../../emulators/clock.ts';
import { processesOf } from '../../../emulators/real-nomad/processes.ts';
import type { Report } from '../../../lambda/core/drain/report.ts';
import { ACCESS, Stage, shellTask } from './stage.ts';
import { watch } from './watch.ts';

const HOUR = 3_600_000;
/** It ends by SIGKILL alone. */
const STUBBORN = 'trap "" TERM INT; while true; do sleep 1; done';

let stage: Stage;

describe('the end of a build on a real Nomad', () => {
  beforeAll(async () => {
    stage = await Stage.start(9);
  }, 180_000);
  afterAll(() => stage?.close());

  it('believes no event that is sent again with a time sixteen hours old, while a build runs', async () => {
    const instanceId = stage.inService();
    await stage.run('old-event', stage.nodeOf(instanceId), 'sleep 45');
    const handler = await stage.deploy({});
    const event = await stage.beginScaleIn(instanceId);
    await handler(event, {});
    const time = (hours: number) => new Date(Date.now() - hours * HOUR).toISOString();

    const reports: Report[] = [];
    for (const hours of [16, 44, 70]) reports.push(await handler({ ...event, time: time(hours) }, {}));
    reports.push(await stage.sweep(handler));

    expect(stage.completionOf(instanceId)).toBeUndefined();
    for (const { instances } of reports) expect(instances).toMatchObject([{ instanceId, action: 'wait' }]);
    expect(await stage.untilReleased(handler, instanceId)).toMatchObject({ outcome: 'drained' });
    expect(await stage.allocationsOf('old-event')).toMatchObject([{ ClientStatus: 'complete' }]);
    expect(stage.releasedAt(instanceId)).toBeGreaterThanOrEqual(await stage.stoppedAt('old-event'));
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
    const handler = await stage.deploy({ killMarginSeconds: 5 }, ACCESS, {}, new Ahead());
    await handler(await stage.beginScaleIn(instanceId), {});

    expect(await stage.untilReleased(handler, instanceId)).toMatchObject({ outcome: 'drained' });
    expect(await stage.allocationsOf('skewed')).toMatchObject([{ ClientStatus: 'complete' }]);
    expect(stage.releasedAt(instanceId)).toBeGreaterThanOrEqual(await stage.stoppedAt('skewed'));
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
      await stage.sweep(handler);
      for (const job of jobs) await stage.ask('DELETE', `/v1/job/${job}?purge=true`);
      const purgedAt = Date.now();

      const report = await stage.untilReleased(handler, instanceId);
      const ended = await processes.ended();

      console.log(
        `${builds} purged: processes ended after ${ended - purgedAt} ms, released after ${stage.releasedAt(instanceId) - purgedAt} ms`,
      );
      expect(report).toMatchObject({ outcome: 'drained' });
      expect(stage.releasedAt(instanceId)).toBeGreaterThanOrEqual(ended);
    },
    180_000,
  );

  it('waits for the upload of a failed build that the garbage collection of Nomad has forgotten', async () => {
    const instanceId = stage.inService();
    const upload = shellTask('upload', ': process-of-collected; sleep 25; true', { Lifecycle: { Hook: 'poststop' } });
    const group = { ReschedulePolicy: { Attempts: 0, Unlimited: false } };
    await stage.run('collected', stage.nodeOf(instanceId), 'sleep 20; exit 1', { tasks: [upload], group });
    const processes = watch('process-of-collected');
    // How long a poststop task takes nobody knows: it is waited for until the deadline and the kill margin.
    const handler = await stage.deploy({ deadlineSeconds: 60, killMarginSeconds: 20 });
    await handler(await stage.beginScaleIn(instanceId), {});
    for (let status = ''; status !== 'failed'; ) {
      await stage.sweep(handler).catch(() => {});
      status = (await stage.allocationsOf('collected'))[0]?.ClientStatus ?? '';
    }
    await expect.poll(() => processesOf('process-of-collected').length, { timeout: 20_000 }).toBeGreaterThan(0);
    await stage.ask('PUT', '/v1/system/gc');
    const collectedAt = Date.now();
    await sleep(1_000);
    const left = await stage.ask<unknown[]>('GET', `/v1/node/${stage.nodeOf(instanceId)}/allocations`);

    await stage.untilReleased(handler, instanceId);
    const ended = await processes.ended();

    console.log(
      `collected (${left.length} left): upload ended after ${ended - collectedAt} ms, released after ${stage.releasedAt(instanceId) - collectedAt} ms`,
    );
    expect(stage.releasedAt(instanceId)).toBeGreaterThanOrEqual(ended);
  }, 180_000);

  it.each(['while its node drains', 'just before'])(
    'releases an instance after the end of its last build, which a job stop ends %s, though Nomad may leave the drain on',
    async (when) => {
      const instanceId = stage.inService();
      const job = `stopped-${when.replaceAll(' ', '-')}`;
      await stage.run(job, stage.nodeOf(instanceId), STUBBORN, { killTimeoutSeconds: 12 });
      const handler = await stage.deploy({});
      const stop = () => stage.ask('DELETE', `/v1/job/${job}`);
      if (when === 'just before') await stop();
      await handler(await stage.beginScaleIn(instanceId), {});
      if (when === 'while its node drains') await stop();

      await stage.untilReleased(handler, instanceId, 70_000);

      const after = stage.releasedAt(instanceId) - (await stage.stoppedAt(job));
      const { Drain } = await stage.ask<{ Drain: boolean }>('GET', `/v1/node/${stage.nodeOf(instanceId)}`);
      console.log(`stopped ${when}: released ${after} ms after the end, the drain ${Drain ? 'still on' : 'complete'}`);
      expect(after).toBeGreaterThanOrEqual(0);
    },
    180_000,
  );

  it('tells a person of a kept build whose agent is away, and waits for both', async () => {
    const instanceId = stage.inService();
    const nodeId = stage.nodeOf(instanceId);
    await stage.run('kept', nodeId, 'sleep 30', { group: stage.keptWhileAway });
    const handler = await stage.deploy({});
    await handler(await stage.beginScaleIn(instanceId), {});
    await stage.nomad.stopClient(stage.clientOf(instanceId));
    const status = async () => (await stage.ask<{ Status: string }>('GET', `/v1/node/${nodeId}`)).Status;
    await expect.poll(status, { timeout: 30_000 }).toBe('disconnected');

    const { instances } = await stage.sweep(handler);
    await stage.sweep(handler);

    expect(instances).toMatchObject([{ instanceId, action: 'wait' }]);
    expect(instances[0]?.stuck).toContain('the node is disconnected, but 1 allocation may still run there');
    expect(stage.completionOf(instanceId)).toBeUndefined();
    await stage.nomad.startClient(stage.clientOf(instanceId));
    expect(await stage.untilReleased(handler, instanceId)).toMatchObject({ outcome: 'drained' });
    expect(await stage.allocationsOf('kept')).toMatchObject([{ ClientStatus: 'complete' }]);
    expect(stage.releasedAt(instanceId)).toBeGreaterThanOrEqual(await stage.stoppedAt('kept'));
  }, 180_000);
});
