import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority } from '../../../emulators/certificates.ts';
import { type Allocation, Stage, SWEEP } from './stage.ts';

const SECOND = 1_000;
const running: Partial<Allocation> = { ClientStatus: 'running' };
const complete: Partial<Allocation> = { ClientStatus: 'complete' };

let stage: Stage;

/** Sweeps until all of them are released. */
async function untilReleased(handler: Awaited<ReturnType<Stage['deploy']>>, instanceIds: readonly string[]) {
  for (const instanceId of instanceIds) await stage.untilReleased(handler, instanceId);
}

/** Each build ended by itself, and its instance was released after that. */
async function expectUnharmed(builds: readonly { job: string; instanceId: string }[]): Promise<void> {
  for (const { job, instanceId } of builds) {
    expect(await stage.allocationsOf(job)).toMatchObject([complete]);
    expect(stage.releasedAt(instanceId), job).toBeGreaterThanOrEqual(await stage.stoppedAt(job));
    expect(stage.completionOf(instanceId)).toMatchObject({ by: 'call', result: 'CONTINUE' });
  }
}

const build = async (instanceId: string, job: string, seconds: number) => {
  await stage.run(job, stage.nodeOf(instanceId), `sleep ${seconds}`);
  return { job, instanceId };
};

/** All instances leave at once, each with a build. @param access how the function asks Nomad */
async function allLeaveUnharmed(access: object): Promise<void> {
  const leaving = stage.allInService();
  const builds = await Promise.all(leaving.map((id, i) => build(id, `last-${i}`, 15 + 10 * i)));
  const handler = await stage.deploy({}, access);
  stage.aws.scaleIn('builders', leaving);
  await expect.poll(() => stage.aws.waiting.length, { timeout: 10_000 }).toBe(leaving.length);
  await untilReleased(handler, leaving);
  await expectUnharmed(builds);
}

describe('CircleCI Server with its Nomad servers in Kubernetes: no ACLs, plain HTTP, asked through the clients', () => {
  const ACCESS = { via: 'clients' };

  beforeAll(async () => {
    // Servers that hang for half a minute call no client down: its builds would be lost to Nomad.
    stage = await Stage.start(11, { acl: false, circleci: {}, heartbeat: '60s' });
    stage.openClients();
  }, 240_000);
  afterAll(() => stage?.close(), 60_000);

  it('has a build end before its instance is released', async () => {
    const instanceId = stage.inService();
    const one = await build(instanceId, 'one', 20);
    const { report } = await stage.scaleIn(instanceId, {}, { access: ACCESS });
    expect(report.instances).toMatchObject([{ instanceId, outcome: 'drained' }]);
    await expectUnharmed([one]);
  }, 120_000);

  it('keeps its builds while no leader is there for a minute and instances are marked Unhealthy one after the other', async () => {
    const leaving = stage.allInService().slice(0, 3);
    const builds = await Promise.all(leaving.map((id, i) => build(id, `away-${i}`, 60)));
    const handler = await stage.deploy({}, ACCESS);
    await stage.nomad.stopServer();
    for (const instanceId of leaving) {
      stage.aws.failHealthCheck(instanceId);
      await expect.poll(() => stage.aws.waiting.map((each) => each.instanceId)).toContain(instanceId);
      await handler(stage.events.at(-1), {}).catch(() => {});
      await stage.sweep(handler).catch(() => {});
    }
    await sleep(20 * SECOND);
    expect(leaving.filter((id) => stage.completionOf(id))).toEqual([]);

    await stage.nomad.startServer();
    await untilReleased(handler, leaving);
    await expectUnharmed(builds);
  }, 300_000);

  it('hears of nothing from a server that hangs: nothing is released by it, and no order is lost', async () => {
    const [instanceId = ''] = stage.allInService();
    const one = await build(instanceId, 'hung', 60);
    const handler = await stage.deploy({}, ACCESS);
    const event = await stage.beginScaleIn(instanceId);
    stage.nomad.pauseServer();
    await handler(event, { getRemainingTimeInMillis: () => 20_000 }).catch(() => {});
    await stage.sweep(handler).catch(() => {});
    expect(stage.completionOf(instanceId)).toBeUndefined();
    stage.nomad.resumeServer();
    await untilReleased(handler, [instanceId]);
    await expectUnharmed([one]);
  }, 240_000);

  it('releases nothing by a client that is shutting down, or dies, while it is asked', async () => {
    const [gateway = '', , instanceId = ''] = stage.allInService();
    await stage.run('asked', stage.nodeOf(instanceId), 'sleep 600');
    const handler = await stage.deploy({}, ACCESS);
    const event = await stage.beginScaleIn(instanceId);
    await handler(event, {});
    for (let turn = 0; turn < 6; turn++) {
      let isOver = false;
      const ask = async (wake: object) => {
        while (!isOver) await handler(wake, { getRemainingTimeInMillis: () => 20_000 }).catch(() => sleep(5));
      };
      const asking = Promise.all([ask(SWEEP), ask(event), ask(event)]);
      await sleep(1_500);
      const client = stage.clientOf(gateway);
      if (turn % 2 === 0) await stage.nomad.interruptClient(client);
      else await stage.nomad.stopClient(client);
      isOver = true;
      await asking;
      expect(stage.completionOf(instanceId)).toBeUndefined();
      expect(await stage.allocationsOf('asked')).toMatchObject([running]);
      await stage.nomad.startClient(client);
      await sleep(3 * SECOND);
    }
    await stage.ask('DELETE', '/v1/job/asked');
    await untilReleased(handler, [instanceId]);
    expect(stage.releasedAt(instanceId)).toBeGreaterThanOrEqual(await stage.stoppedAt('asked'));
  }, 300_000);

  it('lets all instances leave at once, each after its build: the last is asked about itself', async () => {
    await allLeaveUnharmed(ACCESS);
    expect(stage.allInService()).toEqual([]);
  }, 300_000);
});

describe('CircleCI Server with Nomad servers of its own: TLS between the agents and over HTTP', () => {
  beforeAll(async () => {
    const authority = await Authority.create();
    const tls = {
      ca: authority.pem,
      server: await authority.issue(['server.global.nomad', 'localhost', '127.0.0.1']),
      client: await authority.issue(['client.global.nomad', 'localhost', '127.0.0.1']),
    };
    stage = await Stage.start(3, { acl: false, circleci: { tls } });
    stage.aws.putParameter('/circleci/nomad-ca', authority.pem);
    stage.openClients();
  }, 240_000);
  afterAll(() => stage?.close(), 60_000);

  const ACCESS = { via: 'clients', scheme: 'https', ca: { parameter: '/circleci/nomad-ca' } };

  it("trusts its clients by Nomad's name for them", async () => {
    const instanceId = stage.inService();
    const one = await build(instanceId, 'one', 15);
    const { report } = await stage.scaleIn(instanceId, {}, { access: ACCESS });
    expect(report.instances).toMatchObject([{ instanceId, outcome: 'drained' }]);
    await expectUnharmed([one]);
  }, 120_000);

  it('lets all instances leave at once', async () => {
    await allLeaveUnharmed(ACCESS);
  }, 180_000);
});
