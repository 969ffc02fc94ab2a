import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND, STATUS, SWEEP, type World } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const instanceOf = (report: Awaited<ReturnType<World['wake']>> | undefined) => report?.instances[0];

/** A builder on which a service runs that has to move, beside so many others. */
const leavingWithService = async ({ others = 0 } = {}) => {
  const leaving = world.addBuilder();
  world.nomad.run({ id: 'web', type: 'service', count: 2 });
  for (let index = 0; index < others; index++) world.addBuilder();
  await world.scaleIn(leaving.instanceId);
  await world.deliver();
  return leaving;
};

const operate = (nodeId: string, Eligibility: 'eligible' | 'ineligible') =>
  fetch(`${world.nomad.url}/v1/node/${nodeId}/eligibility`, { method: 'POST', body: JSON.stringify({ Eligibility }) });

describe('why is it still draining?', () => {
  it('names each build that is waited for, with its task group and how long it has run', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    const [allocation = ''] = world.nomad.run({ id: 'build-42', type: 'batch', on: nodeId, runSeconds: 2 * 3600 });
    const began = world.clock.now();
    await world.advance(30 * MINUTE);
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(30 * MINUTE);

    const instance = instanceOf(await world.wake(STATUS));

    expect(instance?.because).toMatch(/^the drain waits for 1 allocation: build-42 \(task group g, running for 1 h\)$/);
    const runningSeconds = Math.round((world.clock.now() - began) / SECOND);
    expect(instance?.remaining).toMatchObject([{ id: allocation, job: 'build-42', runningSeconds }]);
    expect(instance).not.toHaveProperty('stuck');
  });

  it('says of a build with a max_run_duration when Nomad ends it, also where only lists were read since', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    const limited = { type: 'batch', on: nodeId, runSeconds: 9 * 3600 } as const;
    world.nomad.run({ id: 'today', ...limited, maxRunSeconds: 3 * 3600 });
    world.nomad.run({ id: 'tomorrow', ...limited, maxRunSeconds: 24 * 3600 });
    const began = world.clock.now();
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(30 * MINUTE);

    const instance = instanceOf(await world.wake(STATUS));

    expect(instance?.because).toContain('today (task group g, running for 30 min, ends by 12:00Z (max_run_duration))');
    expect(instance?.because).toContain('ends by 2026-03-02 09:00Z (max_run_duration)');
    const endsBy = new Date(began + 3 * HOUR).toISOString();
    expect(instance?.remaining.find(({ job }) => job === 'today')).toMatchObject({ endsBy });
  });

  it('names the node, says since when the instance waits, and when Nomad kills what still runs', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder({ name: 'client-1' });
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 2 * 3600 });
    const began = world.clock.now();
    await world.scaleIn(instanceId);
    const before = instanceOf(await world.wake(STATUS));
    await world.deliver();
    await world.advance(20 * MINUTE);

    const report = await world.wake(STATUS);

    expect(before).not.toHaveProperty('deadlineAt');
    expect(report).toMatchObject({ at: new Date(world.clock.now()).toISOString(), groups: ['builders'] });
    const { nodeName, waitingSince = '', deadlineAt = '' } = instanceOf(report) ?? {};
    expect(nodeName).toBe('client-1');
    expect((Date.parse(waitingSince) - began) / SECOND).toBeCloseTo(1, -1);
    expect((Date.parse(deadlineAt) - began) / HOUR).toBeCloseTo(6, 2);
  });

  it('says that it could not ask, where Nomad is silent', async () => {
    await start();
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    world.nomad.server.fault = () => 'hang-up';
    expect(instanceOf(await world.wake(STATUS))).toMatchObject({ unserved: true });
  });

  it('says of a service that no eligible node is left to take it, once that has lasted a minute', async () => {
    await start();
    const { instanceId, nodeId } = await leavingWithService();

    await world.sweepFor(4 * MINUTE);
    const instance = instanceOf(await world.wake(STATUS));

    expect(instance).toMatchObject({
      instanceId,
      action: 'wait',
      stuck: 'web (task group g) has nowhere to go: no eligible node in pool default',
      remaining: [{ job: 'web', blocked: 'no eligible node in pool default' }],
    });
    expect(instance?.because).toContain('web (task group g, running for');
    expect(world.log.filter(({ message }) => message === 'drain stuck')).toMatchObject([
      { level: 'warn', instanceId, nodeId, group: 'builders', because: instance?.stuck },
    ]);
  });

  it('names the resource that is exhausted, and on how many nodes', async () => {
    await start();
    const leaving = world.addBuilder();
    world.nomad.run({ id: 'web', type: 'service', count: 2, cpu: 1000 });
    const others = [world.addBuilder(), world.addBuilder()];
    for (const { nodeId } of others) {
      const cpu = world.nomad.node(nodeId).NodeResources.Cpu.CpuShares - 900;
      world.nomad.run({ id: `busy-${nodeId}`, type: 'batch', on: nodeId, cpu, runSeconds: 3 * 3600 });
    }
    await world.scaleIn(leaving.instanceId);
    await world.deliver();

    await world.sweepFor(4 * MINUTE);

    expect(instanceOf(await world.wake(STATUS))?.stuck).toBe(
      'web (task group g) has nowhere to go: of 2 eligible nodes in pool default, cpu is exhausted on 2',
    );
  });

  it('names the constraint that rules the other nodes out', async () => {
    await start();
    const leaving = world.addBuilder({ meta: { rack: 'a' } });
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own interpolation.
    const constraints = [{ LTarget: '${meta.rack}', Operand: '=', RTarget: 'a' }];
    world.nomad.run({ id: 'web', type: 'service', count: 2, constraints });
    world.addBuilder({ meta: { rack: 'b' } });
    await world.scaleIn(leaving.instanceId);
    await world.deliver();

    await world.sweepFor(4 * MINUTE);

    expect(instanceOf(await world.wake(STATUS))?.stuck).toBe(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Nomad's own interpolation.
      'web (task group g) has nowhere to go: of 1 eligible node in pool default, constraint ${meta.rack} = a rules out 1',
    );
  });

  it('says of a service whose replacements fail one after the other how they fail, and tells it as stuck', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    const elsewhere = world.addBuilder();
    await operate(elsewhere.nodeId, 'ineligible');
    world.nomad.run({ id: 'web', type: 'service', count: 2, failsOn: elsewhere.nodeId });
    await operate(elsewhere.nodeId, 'eligible');
    await world.scaleIn(instanceId);

    await world.sweepFor(8 * MINUTE);
    const instance = instanceOf(await world.wake(STATUS));

    expect(world.nomad.node(nodeId).Drain).toBe(true);
    expect(instance?.stuck).toBe('web (task group g) is replaced in vain: its replacements fail: Exit Code: 1');
    expect(instance?.because).toContain('; replaced in vain: its replacements fail: Exit Code: 1)');
    expect(world.told.filter((event) => event['detail-type'] === 'Nomad Drain Stuck')).toHaveLength(1);
  });

  it('takes it back when there is room again, and lets the instance go', async () => {
    await start();
    const { instanceId } = await leavingWithService();
    await world.sweepFor(4 * MINUTE);
    expect(instanceOf(await world.wake(STATUS))).toHaveProperty('stuck');

    world.addBuilder();
    await world.sweepFor(3 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.log.filter(({ message }) => message === 'drain stuck')).toHaveLength(1);
  });

  it('does not ask Nomad for it where only builds are waited for, and once a minute for a whole fleet', async () => {
    await start();
    const build = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: build.nodeId, runSeconds: 3 * 3600 });
    await world.scaleIn(build.instanceId);
    await world.sweepFor(4 * MINUTE);
    const asked = () => world.nomad.requests.filter(({ path }) => path === '/v1/evaluations').length;
    expect(asked()).toBe(0);

    const others = [world.addBuilder(), world.addBuilder(), world.addBuilder()];
    world.nomad.run({ id: 'web', type: 'service', count: 6 });
    await world.scaleIn(...others.map(({ instanceId }) => instanceId));
    await world.sweepFor(2 * MINUTE);
    const before = asked();
    await world.sweepFor(3 * MINUTE);
    expect(asked() - before).toBe(3);
  });

  it('goes on without it where Nomad does not tell', async () => {
    await start();
    const { instanceId } = await leavingWithService();
    world.nomad.server.fault = ({ url }) =>
      url.pathname === '/v1/evaluations' ? { status: 500, body: 'no' } : undefined;
    await world.sweepFor(3 * MINUTE);
    expect(instanceOf(world.reports.at(-1))).toMatchObject({ instanceId, action: 'wait' });
    expect(instanceOf(world.reports.at(-1))).not.toHaveProperty('stuck');
  });
});

describe('allocations killed at the deadline', () => {
  const POLICY = 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }';
  const killOne = async (rules: string) => {
    await start({
      acl: true,
      policy: { deadlineSeconds: 600 },
      nomad: { token: { parameter: '/nomad/drain-token' } },
    });
    world.nomad.policy('drainer', rules);
    world.aws.putParameter('/nomad/drain-token', world.nomad.token({ policies: ['drainer'] }), 'SecureString');
    const { instanceId, nodeId } = world.addBuilder();
    const build = { type: 'batch' as const, on: nodeId };
    const [long = ''] = world.nomad.run({
      ...build,
      id: 'long',
      runSeconds: 7200,
      stderr: 'step 1\nstep 2\nhanging\n',
    });
    world.nomad.run({ ...build, id: 'short', runSeconds: 60, stderr: 'done' });
    world.nomad.run({ id: 'logs', type: 'system', on: nodeId, stderr: 'shipping' });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(12 * MINUTE);
    expect(world.outcome(instanceId)).toBe('forced');
    const instances = world.reports.flatMap((report) => report.instances);
    const report = instances.find(({ action }) => action === 'complete');
    return { instanceId, nodeId, long, report };
  };

  it('are named, with the last lines of their stderr, in the report and in the log', async () => {
    const { instanceId, nodeId, long, report } = await killOne(POLICY.replace('"read-job"', '"read-job", "read-logs"'));

    expect(report?.killed).toMatchObject([
      { id: long, job: 'long', taskGroup: 'g', stderr: 'step 1\nstep 2\nhanging' },
    ]);
    expect(world.log.filter(({ message }) => message === 'allocation killed')).toEqual([
      {
        level: 'warn',
        requestId: expect.any(String),
        message: 'allocation killed',
        instanceId,
        nodeId,
        group: 'builders',
        allocation: long,
        job: 'long',
        namespace: 'default',
        taskGroup: 'g',
        stderr: 'step 1\nstep 2\nhanging',
      },
    ]);
  });

  it('are named without it where the token may not read logs', async () => {
    const { long, report } = await killOne(POLICY);
    expect(report?.killed).toMatchObject([{ id: long, job: 'long' }]);
    expect(report?.killed?.[0]).not.toHaveProperty('stderr');
  });

  it('are those that still ran where the time was up', async () => {
    await start({ policy: { deadlineSeconds: 600, killMarginSeconds: 120 } });
    const { instanceId, nodeId } = world.addBuilder();
    // It does not stop: neither at the deadline nor when the drain is forced.
    const [stubborn = ''] = world.nomad.run({
      id: 'stubborn',
      type: 'batch',
      on: nodeId,
      runSeconds: 7200,
      stopSeconds: 7200,
      killTimeoutSeconds: 7200,
    });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(HOUR);
    expect(world.outcome(instanceId)).toBe('timed-out');
    const instances = world.reports.flatMap((report) => report.instances);
    expect(instances.find(({ outcome }) => outcome === 'timed-out')?.killed).toMatchObject([{ id: stubborn }]);
  });

  it('are none where everything ends in time, a service that moves among it', async () => {
    await start();
    await leavingWithService({ others: 1 });
    await world.sweepFor(3 * MINUTE);
    const [done] = world.reports.flatMap((report) => report.instances).filter(({ action }) => action === 'complete');
    expect(done).toMatchObject({ outcome: 'drained' });
    expect(done).not.toHaveProperty('killed');
    await world.wake(SWEEP);
    expect(world.log.filter(({ message }) => message === 'allocation killed')).toEqual([]);
  });
});
