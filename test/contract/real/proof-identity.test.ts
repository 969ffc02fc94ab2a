import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ACCESS, Stage, shellTask } from './stage.ts';

const HOUR = 3_600_000;

interface Node {
  Status: string;
  Drain: boolean;
  SchedulingEligibility: string;
  Meta: Record<string, string>;
  Attributes: Record<string, string>;
}

let stage: Stage;

const nodeOf = (nodeId: string) => stage.ask<Node>('GET', `/v1/node/${nodeId}`);

describe('which node an instance is, with a real Nomad', () => {
  beforeAll(async () => {
    stage = await Stage.start(8);
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

    const report = await stage.untilReleased(await stage.deploy({ graceSeconds: 5 }), instanceId);

    expect(report).toMatchObject({ nodeId, outcome: 'drained' });
    const [allocation] = await stage.allocationsOf('fails');
    expect(allocation).toMatchObject({ ClientStatus: 'failed', TaskStates: { upload: { State: 'dead' } } });
    expect(stage.releasedAt(instanceId)).toBeGreaterThanOrEqual(await stage.stoppedAt('fails'));
  }, 180_000);

  it('lets a node run on that is another instance by its fingerprint, though its metadata names the one that goes', async () => {
    const [instanceId = '', other = ''] = stage.allInService();
    const NodeID = stage.nodeOf(other);
    await stage.ask('POST', `/v1/client/metadata?node_id=${NodeID}`, { NodeID, Meta: { instance: instanceId } });
    await expect.poll(async () => (await nodeOf(NodeID)).Meta, { timeout: 30_000 }).toHaveProperty('instance');
    await stage.run('of-other', NodeID, 'sleep 600');
    const handler = await stage.deploy({}, { ...ACCESS, nodeMetaKey: 'instance' });
    const event = await stage.beginScaleIn(instanceId);

    const report = await handler(event, {});
    await stage.untilReleased(handler, instanceId);
    await stage.sweep(handler);

    expect(report.instances).toMatchObject([{ instanceId, nodeId: stage.nodeOf(instanceId) }]);
    expect(await nodeOf(NodeID)).toMatchObject({ Drain: false, SchedulingEligibility: 'eligible' });
    expect(await stage.allocationsOf('of-other')).toMatchObject([{ ClientStatus: 'running' }]);
    await stage.ask('DELETE', '/v1/job/of-other');
  }, 120_000);

  it('purges the node of an instance that it has released, and none of another deployment, whose instance it does not know', async () => {
    const [ours = '', theirs = ''] = stage.allInService();
    const aws_instance_id = theirs;
    const Meta = { drained_by: 'nomad-drain-hook', aws_instance_id, deployment: '210987654321/eu-west-1/theirs' };
    const theirNode = stage.nodeOf(theirs);
    await stage.ask('POST', `/v1/node/${theirNode}/drain`, { DrainSpec: { Deadline: 3600e9 }, Meta });
    stage.aws.terminate(theirs);
    const handler = await stage.deploy({}, ACCESS, { purge: true });
    await handler(await stage.beginScaleIn(ours), {});
    await stage.untilReleased(handler, ours);
    for (const each of [ours, theirs]) await stage.nomad.stopClient(stage.clientOf(each));
    await expect.poll(async () => (await nodeOf(theirNode)).Status, { timeout: 30_000 }).toBe('down');

    const left = async () => {
      await stage.sweep(handler);
      return (await stage.ask<{ ID: string }[]>('GET', '/v1/nodes')).map(({ ID }) => ID);
    };
    await expect.poll(left, { timeout: 60_000 }).not.toContain(stage.nodeOf(ours));
    await sleep(1_000);
    expect(await left()).toContain(theirNode);
  }, 120_000);

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
      const failed = stage.sweep(handler).then(
        () => '',
        (error: Error) => error.message,
      );
      said.push(await failed);
    }

    expect(said.at(-1)).toContain(`any of these nodes may be it: ${name} (${id})`);
    expect(stage.completionOf(instanceId)).toBeUndefined();
    expect(await stage.allocationsOf('unattributed')).toMatchObject([{ ClientStatus: 'running' }]);

    const told = await stage.deploy({ graceSeconds: 5 }, { ...ACCESS, outsideEc2: { datacenters: ['dc1'] } });
    expect(await stage.untilReleased(told, instanceId)).toMatchObject({ outcome: 'not-a-node' });
  }, 180_000);

  it('waits while Nomad keeps the build of an agent that came back as another node, which names nobody, and then died', async () => {
    const instanceId = stage.allInService().at(-1) ?? '';
    const before = stage.nodeOf(instanceId);
    await stage.nomad.loseFingerprint(stage.clientOf(instanceId));
    const after = stage.nodeOf(instanceId);
    await stage.run('kept', after, 'sleep 600', { group: stage.keptThoughDown });
    await stage.nomad.stopClient(stage.clientOf(instanceId));
    const status = async (nodeId: string) => (await nodeOf(nodeId)).Status;
    await expect.poll(() => status(before), { timeout: 60_000 }).toBe('down');
    await expect.poll(() => status(after), { timeout: 60_000 }).not.toBe('ready');
    const handler = await stage.deploy({ graceSeconds: 5 });

    await handler(await stage.beginScaleIn(instanceId), {}).catch(() => {});
    for (let sweeps = 0; sweeps < 2; sweeps++) await stage.sweep(handler).catch(() => {});

    expect(await stage.allocationsOf('kept')).toMatchObject([{ ClientStatus: 'unknown' }]);
    expect(stage.completionOf(instanceId)).toBeUndefined();
  }, 180_000);
});

describe('with a real Nomad that takes its usual time to miss a client', () => {
  beforeAll(async () => {
    stage = await Stage.start(1, { heartbeat: '10s' });
  }, 180_000);
  afterAll(() => stage?.close());

  it('waits for the build of an agent that has only just come back as another node, which names nobody', async () => {
    const instanceId = stage.inService();
    const before = stage.nodeOf(instanceId);
    await stage.nomad.loseFingerprint(stage.clientOf(instanceId));
    const after = stage.nodeOf(instanceId);
    await stage.run('of-the-new', after, 'sleep 600');
    expect(await nodeOf(before)).toMatchObject({ Status: 'ready' });
    const handler = await stage.deploy({});

    await handler(await stage.beginScaleIn(instanceId), {}).catch(() => {});
    for (let sweeps = 0; sweeps < 3; sweeps++) await stage.sweep(handler).catch(() => {});

    expect(await stage.allocationsOf('of-the-new')).toMatchObject([{ ClientStatus: 'running' }]);
    expect(stage.completionOf(instanceId)).toBeUndefined();
  }, 120_000);
});
