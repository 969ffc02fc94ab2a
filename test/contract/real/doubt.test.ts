import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { since } from '../../../emulators/nomad/version.ts';
import { Stage, SWEEP, shellTask } from './stage.ts';

let stage: Stage;

interface NodeStub {
  ID: string;
  Status: string;
  Drain: boolean;
  SchedulingEligibility: string;
}

const until = async (nodeId: string, status: string) =>
  expect
    .poll(async () => (await stage.ask<NodeStub>('GET', `/v1/node/${nodeId}`)).Status, { timeout: 40_000 })
    .toBe(status);

const draining = async (nodeId: string) => (await stage.ask<NodeStub>('GET', `/v1/node/${nodeId}`)).Drain;

/** Keeps allocations of a client that is away, as each version spells it. */
const keptWhileAway = () =>
  since(stage.nomad.version, '1.8.0')
    ? { Disconnect: { LostAfter: 3600e9, Replace: false } }
    : { MaxClientDisconnect: 3600e9 };

/** What must not be concluded from what a real Nomad says. */
describe('the bundle and a real Nomad in doubt', () => {
  beforeAll(async () => {
    stage = await Stage.start(13);
  }, 180_000);
  afterAll(() => stage?.close());

  it('waits for the upload of a build that has failed', async () => {
    const instanceId = stage.inService();
    const upload = shellTask('upload', 'sleep 15', { Lifecycle: { Hook: 'poststop' } });
    await stage.run('failing', stage.nodeOf(instanceId), 'sleep 6; exit 1', { tasks: [upload] });

    const { report, completion } = await stage.scaleIn(instanceId, {});

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    const [allocation] = await stage.allocationsOf('failing');
    expect(allocation).toMatchObject({ ClientStatus: 'failed', TaskStates: { upload: { State: 'dead' } } });
    expect(completion?.at).toBeGreaterThanOrEqual(await stage.stoppedAt('failing'));
  });

  it.each(['before its drain', 'in the middle of its drain'])(
    'waits for a build whose agent is away %s, until it is back and the build has ended',
    async (when) => {
      const instanceId = stage.inService();
      const client = stage.clientOf(instanceId);
      const job = `away-${client}`;
      await stage.run(job, stage.nodeOf(instanceId), 'sleep 50', { group: keptWhileAway() });
      const away = async () => {
        // A build that has ended meanwhile would prove nothing.
        const running = { ClientStatus: 'running', TaskStates: { t: { State: 'running' } } };
        expect(await stage.allocationsOf(job)).toMatchObject([running]);
        await stage.nomad.stopClient(client);
        await expect
          .poll(async () => (await stage.allocationsOf(job))[0]?.ClientStatus, { timeout: 30_000 })
          .toBe('unknown');
      };
      const back = async () => {
        await sleep(15_000);
        expect(stage.aws.completions).not.toContainEqual(expect.objectContaining({ instanceId }));
        await stage.nomad.startClient(client);
      };
      if (when === 'before its drain') await away();
      const released = stage.scaleIn(instanceId, {});
      if (when === 'in the middle of its drain') {
        // As soon as it is drained: nothing says how long the event's run takes.
        await expect.poll(() => draining(stage.nodeOf(instanceId)), { timeout: 20_000 }).toBe(true);
        await away();
      }
      await back();
      const { report, completion } = await released;

      expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
      expect(await stage.allocationsOf(job)).toMatchObject([{ ClientStatus: 'complete' }]);
      expect(completion?.at).toBeGreaterThanOrEqual(await stage.stoppedAt(job));
    },
    120_000,
  );

  it('keeps a build that Nomad will not reschedule when its node goes down', async () => {
    const instanceId = stage.inService();
    const client = stage.clientOf(instanceId);
    await stage.run('only-once', stage.nodeOf(instanceId), 'sleep 40', { group: { PreventRescheduleOnLost: true } });
    await stage.nomad.stopClient(client);
    await until(stage.nodeOf(instanceId), 'down');
    await sleep(2_000);
    const [away] = await stage.allocationsOf('only-once');
    const back = sleep(15_000).then(() => stage.nomad.startClient(client));

    const { report, completion } = await stage.scaleIn(instanceId, {}, { during: () => back });

    // Nomad may have given it up (1.6 has no such jobs, since 1.10 none is kept by that): then nothing holds the instance. Else it is waited for.
    if (away?.ClientStatus !== 'unknown') {
      expect(report.instances).toMatchObject([{ instanceId, outcome: 'node-lost' }]);
      return;
    }
    expect(report.instances).toMatchObject([{ instanceId, outcome: 'drained' }]);
    expect(completion?.at).toBeGreaterThanOrEqual(await stage.stoppedAt('only-once'));
  }, 120_000);

  it('drains a client that comes back under a new identity, and waits for its new build', async () => {
    const instanceId = stage.inService();
    const client = stage.clientOf(instanceId);
    await stage.run('old', stage.nodeOf(instanceId), 'sleep 300');

    const { report, completion } = await stage.scaleIn(
      instanceId,
      {},
      {
        during: async () => {
          await stage.nomad.newIdentity(client);
          await stage.run('new', stage.nodeOf(instanceId), 'sleep 25');
        },
      },
    );

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(await stage.allocationsOf('new')).toMatchObject([{ ClientStatus: 'complete' }]);
    expect(completion?.at).toBeGreaterThanOrEqual(await stage.stoppedAt('new'));
  }, 120_000);

  it('finds a client whose fingerprint of EC2 failed by the name of its host', async () => {
    const before = stage.inService();
    const client = stage.clientOf(before);
    await stage.nomad.loseFingerprint(client);
    // The instance that it was leaves: the client is to be found as that of another.
    stage.aws.detach(before);
    const { id, name } = stage.nomad.nodes[client] ?? { id: '', name: '' };
    const instanceId = stage.aws.addInstance('builders', { privateDns: `${name}.ec2.internal` });
    await stage.run('unnamed', id, 'sleep 15');

    const { report, completion } = await stage.scaleIn(instanceId, {});

    expect(report.instances).toMatchObject([{ instanceId, nodeId: id, action: 'complete', outcome: 'drained' }]);
    expect(await stage.allocationsOf('unnamed')).toMatchObject([{ ClientStatus: 'complete' }]);
    expect(completion?.at).toBeGreaterThanOrEqual(await stage.stoppedAt('unnamed'));
  });

  it('releases nobody because of one refused connection within the deadline of a drain that began late', async () => {
    const instanceId = stage.inService();
    await stage.run('late', stage.nodeOf(instanceId), 'sleep 32');
    const policy = { deadlineSeconds: 20, killMarginSeconds: 5 };
    const away = await stage.deploy(policy, {
      address: 'http://127.0.0.1:9',
      token: { parameter: '/nomad/drain-token' },
    });
    const here = await stage.deploy(policy);
    const budget = (ms: number) => ({ getRemainingTimeInMillis: () => ms });
    stage.aws.scaleIn('builders', [instanceId]);
    await expect.poll(() => stage.aws.waiting.length, { timeout: 5_000 }).toBe(1);
    await expect(away(SWEEP, budget(10_000))).rejects.toThrow('not served');
    await sleep(15_000);
    await here(SWEEP, budget(9_500));
    await sleep(10_000);
    await expect(away(SWEEP, budget(9_500))).rejects.toThrow('not served');

    expect(stage.aws.waiting).toHaveLength(1);
    while (stage.aws.waiting.length > 0) await here(SWEEP, budget(20_000));
    expect(await stage.allocationsOf('late')).toMatchObject([{ ClientStatus: 'complete' }]);
  }, 120_000);

  it('drains again what another tool has left alone, and releases an idle node at once', async () => {
    const instanceId = stage.inService();
    const nodeId = stage.nodeOf(instanceId);
    await stage.run('logs', nodeId, 'while true; do sleep 1; done', { type: 'system' });
    const DrainSpec = { Deadline: 3600e9, IgnoreSystemJobs: true };
    await stage.ask('POST', `/v1/node/${nodeId}/drain`, { DrainSpec, Meta: { message: 'maintenance' } });
    await sleep(3_000);

    const { report } = await stage.scaleIn(instanceId, {});

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(await stage.allocationsOf('logs')).toMatchObject([{ ClientStatus: 'complete' }]);
    await stage.ask('DELETE', '/v1/job/logs?purge=true');
  });

  it('drains a node again that was made eligible after its drain, so long ago that its events no longer say so', async () => {
    const instanceId = stage.inService();
    const nodeId = stage.nodeOf(instanceId);
    const mark = (Eligibility: string) => stage.ask('POST', `/v1/node/${nodeId}/eligibility`, { Eligibility });
    await stage.ask('POST', `/v1/node/${nodeId}/drain`, { DrainSpec: { Deadline: 3600e9 } });
    await sleep(2_000);
    for (let turn = 0; turn < 6; turn++) {
      await mark('eligible');
      await mark('ineligible');
    }
    await mark('eligible');
    await stage.run('placed-since', nodeId, 'sleep 20');
    await mark('ineligible');

    const { report, completion } = await stage.scaleIn(instanceId, {});

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(await stage.allocationsOf('placed-since')).toMatchObject([{ ClientStatus: 'complete' }]);
    expect(completion?.at).toBeGreaterThanOrEqual(await stage.stoppedAt('placed-since'));
  });

  it('waits for a disk to be copied, and not for what the replacement waits for after that', async () => {
    const blob = '[ -f $NOMAD_ALLOC_DIR/data/blob ] || head -c 50000000 /dev/urandom > $NOMAD_ALLOC_DIR/data/blob';
    const setUp = shellTask('set-up', `f=$NOMAD_ALLOC_DIR/data/first; [ -f $f ] && sleep 600; touch $f`, {
      Lifecycle: { Hook: 'prestart' },
    });
    // A client of an earlier test may be back, though its instance is gone.
    const inService = stage.aws.instances('builders').filter(({ state }) => state === 'InService');
    const RTarget = inService.map(({ id }) => stage.nodeOf(id)).join('|');
    await stage.run('cache', undefined, `${blob}; while true; do sleep 1; done`, {
      type: 'service',
      migrate: true,
      tasks: [setUp],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad interpolates it
      group: { Constraints: [{ LTarget: '${node.unique.id}', RTarget, Operand: 'regexp' }] },
    });
    const [before] = await stage.allocationsOf('cache');
    const instanceId = stage.nomad.nodes.find(({ id }) => id === before?.NodeID)?.instanceId ?? '';
    await sleep(3_000);

    const { report } = await stage.scaleIn(instanceId, {});

    expect(report.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    await stage.ask('DELETE', '/v1/job/cache?purge=true');
  });

  it('says of a service how its replacements fail, one after the other', async () => {
    const instanceId = stage.inService();
    const nodeId = stage.nodeOf(instanceId);
    const elsewhere = stage.nodeOf(stage.allInService().at(-1) ?? '');
    const mark = (Eligibility: string) => stage.ask('POST', `/v1/node/${elsewhere}/eligibility`, { Eligibility });
    await mark('ineligible');
    const group = {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad interpolates it
      Constraints: [{ LTarget: '${node.unique.id}', RTarget: `${nodeId}|${elsewhere}`, Operand: 'regexp' }],
      ReschedulePolicy: { Delay: 5e9, DelayFunction: 'constant', Unlimited: true },
    };
    const script = `[ "\${node.unique.id}" = "${elsewhere}" ] && exit 3; while true; do sleep 1; done`;
    await stage.run('web', undefined, script, { type: 'service', count: 2, group });
    await mark('eligible');
    // Purged in the end: what Nomad has forgotten is held for the kill margin.
    const handler = await stage.deploy({ killMarginSeconds: 10 });
    stage.aws.scaleIn('builders', [instanceId]);
    await expect.poll(() => stage.aws.waiting.length, { timeout: 5_000 }).toBe(1);

    let stuck: string | undefined;
    for (let sweeps = 0; stuck === undefined && sweeps < 16; sweeps++) {
      const report = await handler(SWEEP, { getRemainingTimeInMillis: () => 20_000 });
      stuck = report.instances[0]?.stuck;
    }
    await stage.ask('DELETE', '/v1/job/web?purge=true');
    while (stage.aws.waiting.length > 0) await handler(SWEEP, { getRemainingTimeInMillis: () => 20_000 });

    expect(stuck).toBe('web (task group g) is replaced in vain: its replacements fail: Exit Code: 3');
  }, 240_000);
});
