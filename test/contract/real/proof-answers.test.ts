import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../../lambda/core/drain/report.ts';
import { type LoadBalancer, startLoadBalancer } from './load-balancer.ts';
import { ACCESS, type Allocation, DRAINER, Stage, SWEEP, shellTask } from './stage.ts';

const ONE_NAMESPACE = 'node { policy = "write" }\nnamespace "ci" { capabilities = ["read-job"] }';
const NOT_FOUND = { status: 404, text: '404 page not found' };

let stage: Stage;
let balancer: LoadBalancer;

/** A build that the drain's deadline kills after four seconds, and that then uploads for so long. */
const killed = async (job: string, uploadSeconds: number, access: object) => {
  const instanceId = stage.inService();
  const nodeId = stage.nodeOf(instanceId);
  const upload = shellTask('upload', `sleep ${uploadSeconds}`, { Lifecycle: { Hook: 'poststop' } });
  await stage.run(job, nodeId, 'while true; do sleep 1; done', { killTimeoutSeconds: 1, tasks: [upload] });
  const handler = await stage.deploy({ deadlineSeconds: 4 }, { ...ACCESS, ...access });
  await handler(await stage.beginScaleIn(instanceId), {});
  await expect.poll(() => uploads(job), { timeout: 20_000 }).toBe('running');
  return { instanceId, nodeId, handler };
};

const uploads = async (job: string): Promise<string | undefined> =>
  (await stage.allocationsOf(job))[0]?.TaskStates?.upload?.State;

describe('a release by the answers of a real Nomad', () => {
  beforeAll(async () => {
    stage = await Stage.start(8);
    await stage.ask('POST', '/v1/namespace/ci', { Name: 'ci' });
  }, 180_000);
  afterEach(() => balancer?.close());
  afterAll(() => stage?.close());

  it('is none by 404 of a load balancer for a node, while a killed build uploads', async () => {
    balancer = await startLoadBalancer(stage.nomad.address);
    const { instanceId, nodeId, handler } = await killed('upload-1', 60, { address: balancer.address });
    const node = `/v1/node/${nodeId}`;
    balancer.answers = (path) => (path === node ? NOT_FOUND : undefined);
    await stage.sweep(handler).catch(() => {});
    balancer.answers = (path) => (path === node || path === `${node}/allocations` ? NOT_FOUND : undefined);

    // What the list of all nodes tells may be enough to wait.
    await stage.sweep(handler).catch(({ message }: Error) => expect(message).toContain('404 page not found'));

    expect(await uploads('upload-1')).toBe('running');
    expect(stage.completionOf(instanceId)).toBeUndefined();
    balancer.answers = undefined;
    expect(await stage.untilReleased(handler, instanceId)).toMatchObject({ outcome: 'forced' });
    expect(stage.releasedAt(instanceId)).toBeGreaterThanOrEqual(await stage.stoppedAt('upload-1'));
  }, 180_000);

  it('is none by 404 of a load balancer for the replacement that copies its disk', async () => {
    balancer = await startLoadBalancer(stage.nomad.address);
    const blob = '[ -f $NOMAD_ALLOC_DIR/data/blob ] || head -c 50000000 /dev/urandom > $NOMAD_ALLOC_DIR/data/blob';
    await stage.run('disk', undefined, `${blob}; while true; do sleep 1; done`, { type: 'service', migrate: true });
    const [before] = await stage.allocationsOf('disk');
    const instanceId = stage.nomad.nodes.find(({ id }) => id === before?.NodeID)?.instanceId ?? '';
    const handler = await stage.deploy({}, { ...ACCESS, address: balancer.address });
    let asked = 0;
    balancer.answers = (path) => {
      if (!path.startsWith('/v1/allocation/')) return undefined;
      asked += 1;
      return NOT_FOUND;
    };
    await handler(await stage.beginScaleIn(instanceId), {}).catch(() => {});

    let said: unknown;
    for (let sweeps = 0; sweeps < 10 && asked === 0; sweeps++)
      said = await stage.sweep(handler).catch((error) => error);
    said = await stage.sweep(handler).catch((error: Error) => error.message);
    expect(asked).toBeGreaterThan(0);
    expect(said).toContain('404 page not found');
    expect(stage.completionOf(instanceId)).toBeUndefined();

    balancer.answers = undefined;
    expect(await stage.untilReleased(handler, instanceId)).toMatchObject({ outcome: 'drained' });
    await stage.ask('DELETE', '/v1/job/disk?purge=true');
  }, 180_000);

  it('is none by the answers of a client agent that shuts down while it is asked', async () => {
    const gateway = stage.nomad.nodes.length - 1;
    const { id, address } = stage.nomad.nodes[gateway] ?? { id: '', address: '' };
    // With allocations to save it takes a tenth of a second between its last word with the servers and its end.
    await stage.run('saved', id, 'exec sleep 900', { count: 15, group: stage.keptWhileAway });
    balancer = await startLoadBalancer(address);
    const hollow = () => balancer.handedOn.filter(({ knownLeader }) => knownLeader === 'false');
    const instanceId = stage.inService();
    await stage.run('asked', stage.nodeOf(instanceId), 'while true; do sleep 1; done', { killTimeoutSeconds: 1 });
    const handler = await stage.deploy({}, { ...ACCESS, address: balancer.address });
    const event = await stage.beginScaleIn(instanceId);
    await handler(event, {});

    for (let turn = 0; turn < 8 && hollow().length < 4; turn++) {
      let isOver = false;
      const ask = async (wake: object) => {
        while (!isOver) await handler(wake, { getRemainingTimeInMillis: () => 20_000 }).catch(() => sleep(5));
      };
      const asking = Promise.all([ask(SWEEP), ...Array.from({ length: 5 }, () => ask(event))]);
      await sleep(1_500);
      await stage.nomad.interruptClient(gateway);
      isOver = true;
      await asking;
      expect(stage.completionOf(instanceId)).toBeUndefined();
      await stage.nomad.startClient(gateway);
      await expect.poll(() => leaderKnownBy(address), { timeout: 60_000 }).toBe('true');
    }
    const paths = hollow().map(({ path, status }) => `${status} ${path}`);
    console.log(`hollow answers: ${paths.join(', ')}`);
    expect(paths).not.toEqual([]);
    expect(await stage.allocationsOf('asked')).toMatchObject([{ ClientStatus: 'running' }]);

    await stage.ask('DELETE', '/v1/job/saved');
    await stage.ask('DELETE', '/v1/job/asked');
    expect(await stage.untilReleased(handler, instanceId)).toMatchObject({ outcome: 'drained' });
    expect(stage.releasedAt(instanceId)).toBeGreaterThanOrEqual(await stage.stoppedAt('asked'));
  }, 300_000);

  const leaderKnownBy = async (address = '') => {
    const headers = { 'X-Nomad-Token': stage.nomad.managementToken };
    const response = await fetch(`${address}/v1/nodes`, { headers }).catch(() => undefined);
    return response?.headers.get('x-nomad-knownleader');
  };

  it('is none through a proxy that hands on no header of Nomad, and a person is told which it needs', async () => {
    balancer = await startLoadBalancer(stage.nomad.address);
    const instanceId = stage.inService();
    const handler = await stage.deploy({}, { ...ACCESS, address: balancer.address });
    balancer.strips = true;

    const event = await handler(await stage.beginScaleIn(instanceId), {}).catch((error: Error) => error.message);
    const said = await stage.sweep(handler).catch((error: Error) => error.message);

    for (const each of [event, said]) {
      expect(each).toContain('the response has no X-Nomad-KnownLeader header');
      expect(each).toContain('a proxy in front of Nomad must forward its response headers');
    }
    expect(stage.completionOf(instanceId)).toBeUndefined();

    balancer.strips = false;
    expect(await stage.untilReleased(handler, instanceId)).toMatchObject({ outcome: 'drained' });
  }, 120_000);

  it.each(['its policy is narrowed', 'it is rotated to a narrower one, and the old one revoked'])(
    'is none while the token no longer sees the build: %s, as a warm function runs on',
    async (how) => {
      const narrowed = how === 'its policy is narrowed';
      const job = narrowed ? 'unseen-1' : 'unseen-2';
      const instanceId = stage.inService();
      await stage.run(job, stage.nodeOf(instanceId), 'sleep 60');
      await stage.grant('warm', DRAINER);
      const handler = await stage.deploy({});
      await handler(await stage.beginScaleIn(instanceId), {});
      expect((await stage.sweep(handler)).warnings).toEqual([]);

      const policy = narrowed ? 'warm' : 'narrow';
      const mayRead = (Rules: string) => stage.ask('POST', `/v1/acl/policy/${policy}`, { Name: policy, Rules });
      if (narrowed) await mayRead(ONE_NAMESPACE);
      else {
        const tokens = await stage.ask<{ AccessorID: string; Name: string }[]>('GET', '/v1/acl/tokens');
        await stage.grant(policy, ONE_NAMESPACE);
        for (const { AccessorID, Name } of tokens) {
          if (Name === 'warm') await stage.ask('DELETE', `/v1/acl/token/${AccessorID}`);
        }
      }
      const reports: (Report | Error)[] = [];
      for (let sweeps = 0; sweeps < 3; sweeps++)
        reports.push(await stage.sweep(handler).catch((error: Error) => error));

      const running: Partial<Allocation> = { ClientStatus: 'running' };
      expect(await stage.allocationsOf(job)).toMatchObject([running]);
      expect(stage.completionOf(instanceId)).toBeUndefined();
      const last = reports.at(-1);
      expect((last as Report).warnings.join()).toContain('the Nomad token is too narrow');

      await mayRead(DRAINER);
      await stage.untilReleased(handler, instanceId);
      expect(stage.releasedAt(instanceId)).toBeGreaterThanOrEqual(await stage.stoppedAt(job));
      expect(await stage.allocationsOf(job)).toMatchObject([{ ClientStatus: 'complete' }]);
    },
    180_000,
  );
});
