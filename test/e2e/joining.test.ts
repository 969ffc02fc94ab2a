import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND, STATUS, SWEEP, UNNAMED } from '../../emulators/world/world.ts';
import { GROUP } from '../../emulators/world/world-options.ts';
import type { Report } from '../../lambda/core/drain/report.ts';
import { start, world } from './start.ts';

const state = (instanceId: string) => world.aws.instance(instanceId).state;
const joining = async (): Promise<Report['joining']> => ((await world.wake(STATUS)) as Report).joining;
const metrics = () => world.printed.flatMap((line) => Object.keys(JSON.parse(line)));
const told = (type: string) => world.told.filter((event) => event['detail-type'] === type).map(({ detail }) => detail);
const eligibility = (nodeId: string) => world.nomad.node(nodeId).SchedulingEligibility;

const makeIneligible = (nodeId: string) =>
  fetch(`${world.nomad.url}/v1/node/${nodeId}/eligibility`, {
    method: 'POST',
    body: JSON.stringify({ Eligibility: 'ineligible' }),
  });

/** An instance that waits for the launching hook. */
async function launch(): Promise<string> {
  const instanceId = world.aws.launch(GROUP);
  await world.advance(2 * SECOND);
  expect(state(instanceId)).toBe('Pending:Wait');
  return instanceId;
}

describe('an instance is put into service', () => {
  it('in the minute in which its node is ready, and not before', async () => {
    await start({ admission: {} });
    const instanceId = await launch();
    await world.deliver();
    await world.sweepFor(2 * MINUTE);
    expect(state(instanceId)).toBe('Pending:Wait');
    expect(await joining()).toMatchObject([
      { instanceId, into: 'service', action: 'wait', because: expect.stringContaining('has not registered') },
    ]);

    const nodeId = world.join(instanceId, { initializing: true });
    await world.sweepFor(MINUTE);
    expect(state(instanceId)).toBe('Pending:Wait');
    world.nomad.firstHeartbeat(nodeId);
    await world.sweepFor(MINUTE);

    expect(state(instanceId)).toBe('InService');
    expect(world.completion(instanceId)).toMatchObject({ result: 'CONTINUE' });
    expect(told('Nomad Client Ready')).toMatchObject([{ instanceId, nodeId, outcome: 'admitted', into: 'service' }]);
    expect(metrics()).toEqual(expect.arrayContaining(['NodeReady', 'InstancesAdmitted', 'InstancesJoining']));
  });

  it('by its event, if its node is ready already', async () => {
    await start({ admission: {} });
    const instanceId = await launch();
    world.join(instanceId);
    await world.deliver();
    await world.advance(5 * SECOND);
    expect(state(instanceId)).toBe('InService');
  });

  it('once, if its event comes twice, and without its event', async () => {
    await start({ admission: {} });
    world.aws.deliver = () => [0, 500];
    const twice = await launch();
    world.join(twice);
    await world.deliver();
    world.aws.deliver = () => [];
    const lost = await launch();
    world.join(lost);
    await world.sweepFor(MINUTE);
    expect([state(twice), state(lost)]).toEqual(['InService', 'InService']);
    expect(told('Nomad Client Ready')).toHaveLength(2);
  });

  it('when the drivers that it needs are healthy', async () => {
    await start({ admission: { drivers: ['docker'] } });
    const instanceId = await launch();
    const nodeId = world.join(instanceId, { drivers: { docker: 'Failed to connect to docker daemon' } });
    await world.sweepFor(2 * MINUTE);
    expect(await joining()).toMatchObject([
      { because: 'driver docker is unhealthy on its node: Failed to connect to docker daemon' },
    ]);
    world.nomad.setDriver(nodeId, 'docker');
    await world.sweepFor(MINUTE);
    expect(state(instanceId)).toBe('InService');
  });

  it('made eligible, if its node registers as ineligible', async () => {
    await start({ admission: {} });
    const instanceId = await launch();
    const nodeId = world.join(instanceId, { defaultIneligible: true });
    await world.sweepFor(MINUTE);
    expect([eligibility(nodeId), state(instanceId)]).toEqual(['eligible', 'InService']);
  });

  it('not while its node is ineligible by the will of an operator', async () => {
    await start({ admission: {} });
    const instanceId = await launch();
    const nodeId = world.join(instanceId);
    await makeIneligible(nodeId);
    await world.sweepFor(3 * MINUTE);
    expect([eligibility(nodeId), state(instanceId)]).toEqual(['ineligible', 'Pending:Wait']);
  });

  it('when the system jobs on its node run, also if Nomad places them a while after the node is ready', async () => {
    await start({ admission: { awaitSystemJobs: true } });
    world.nomad.run({ id: 'log-shipper', type: 'system', startSeconds: 200 });
    const instanceId = await launch();
    world.join(instanceId);
    await world.sweepFor(MINUTE);
    expect(state(instanceId)).toBe('Pending:Wait');
    expect((await joining())?.[0]?.because).toContain('system jobs do not run yet: log-shipper');
    await world.sweepFor(3 * MINUTE);
    expect(state(instanceId)).toBe('InService');
  });

  it('while another launching hook of the group goes on holding it, without being asked about again and again', async () => {
    const another = { name: 'bootstrap', transition: 'autoscaling:EC2_INSTANCE_LAUNCHING' as const };
    await start({ admission: {} });
    world.aws.addHook(GROUP, another);
    const instanceId = await launch();
    world.join(instanceId);
    await world.sweepFor(10 * MINUTE);
    expect(state(instanceId)).toBe('Pending:Wait');
    expect(world.aws.requests.filter(({ action }) => action === 'CompleteLifecycleAction')).toHaveLength(1);
    expect(world.aws.waiting).toMatchObject([{ hook: { name: 'bootstrap' } }]);
  });

  it('without us, where that is not asked for', async () => {
    await start();
    const instanceId = world.aws.launch(GROUP);
    await world.sweepFor(MINUTE);
    expect(state(instanceId)).toBe('InService');
    expect(await joining()).toBeUndefined();
  });
});

describe('an instance is abandoned', () => {
  it('if its agent has not registered in time, and Auto Scaling launches another', async () => {
    await start({ admission: {} });
    const instanceId = await launch();
    await world.sweepFor(14 * MINUTE);
    expect(state(instanceId)).toBe('Pending:Wait');
    await world.sweepFor(3 * MINUTE);

    expect(world.completion(instanceId)).toMatchObject({ result: 'ABANDON' });
    expect(world.aws.instances(GROUP).filter((each) => each.state === 'Pending:Wait')).toHaveLength(1);
    expect(told('Nomad Client Abandoned')).toMatchObject([
      {
        instanceId,
        outcome: 'abandoned',
        result: 'ABANDON',
        because: expect.stringContaining('not ready after 15 min: Nomad has no node of this instance'),
      },
    ]);
    expect(metrics()).toContain('InstancesAbandoned');
    expect(
      world.log.filter(({ level, message }) => level === 'error' && message.startsWith('instance abandoned')),
    ).toHaveLength(1);
  });

  it('after its builds have finished, if it was not ready in time', async () => {
    await start({ admission: { drivers: ['docker'] } });
    const instanceId = await launch();
    const nodeId = world.join(instanceId, { drivers: { docker: 'no daemon' } });
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 1800 });
    await world.sweepFor(20 * MINUTE);
    expect(eligibility(nodeId)).toBe('ineligible');
    expect(state(instanceId)).toBe('Pending:Wait');
    await world.coldStart();
    // What comes too late does not count.
    world.nomad.setDriver(nodeId, 'docker');
    await world.sweepFor(15 * MINUTE);

    expect(world.completion(instanceId)).toMatchObject({ result: 'ABANDON' });
    expect(world.killedBuilds).toEqual([]);
  });

  it('not while Nomad does not answer, and it is put into service when Nomad is back and its node is ready', async () => {
    await start({ admission: {} });
    const instanceId = await launch();
    world.nomad.server.fault = () => 'hang-up';
    await world.sweepOnFor(2 * HOUR);
    expect(state(instanceId)).toBe('Pending:Wait');
    expect(world.completion(instanceId)).toBeUndefined();
    world.nomad.server.fault = undefined;
    world.join(instanceId);
    await world.sweepOnFor(2 * MINUTE);
    expect(state(instanceId)).toBe('InService');
  });

  it('not while a node that names no instance may be it', async () => {
    await start({ admission: {} });
    const instanceId = await launch();
    world.nomad.addNode({ address: '192.168.1.1', name: 'somewhere' });
    await world.sweepOnFor(30 * MINUTE);
    expect(state(instanceId)).toBe('Pending:Wait');
    expect((await joining())?.[0]?.because).toContain('any of these nodes may be it');
  });

  it('not by us, if Nomad is silent until Auto Scaling holds it no longer', async () => {
    await start({ admission: {} });
    const instanceId = await launch();
    world.nomad.server.fault = () => 'hang-up';
    await world.sweepOnFor(9 * HOUR);
    expect(state(instanceId)).toBe('InService');
    expect(world.aws.requests.filter(({ action }) => action === 'CompleteLifecycleAction')).toEqual([]);
  });
});

describe('a warm pool', () => {
  it.each(['Stopped', 'Running'] as const)(
    'takes an instance (%s) whose builds have finished, and gives it back eligible',
    async (poolState) => {
      await start({ admission: {}, group: { warmPool: { state: poolState } } });
      const instanceId = world.aws.launch(GROUP, { into: 'WarmPool' });
      await world.advance(2 * SECOND);
      expect(state(instanceId)).toBe('Warmed:Pending:Wait');
      const nodeId = world.join(instanceId);
      world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 300 });
      await world.sweepFor(3 * MINUTE);
      expect(state(instanceId)).toBe('Warmed:Pending:Wait');
      const before = world.writings().length;
      expect(await joining()).toMatchObject([{ instanceId, into: 'warm pool' }]);
      expect(world.writings()).toHaveLength(before);
      expect(eligibility(nodeId)).toBe('ineligible');
      await world.sweepFor(5 * MINUTE);
      expect(state(instanceId)).toBe(`Warmed:${poolState}`);
      expect(world.killedBuilds).toEqual([]);

      await world.sweepFor(30 * MINUTE);
      world.aws.startFromWarmPool(instanceId);
      await world.advance(2 * SECOND);
      expect(state(instanceId)).toBe('Pending:Wait');
      if (poolState === 'Stopped') await world.sweepFor(2 * MINUTE);
      world.nomad.startClient(nodeId);
      await world.sweepFor(2 * MINUTE);
      expect([state(instanceId), eligibility(nodeId)]).toEqual(['InService', 'eligible']);
      expect(world.aws.completions.map(({ result }) => result)).toEqual(['CONTINUE', 'CONTINUE']);
    },
  );

  it('takes back an instance on scale-in as before: for that the terminating hook holds it', async () => {
    await start({ admission: {}, group: { warmPool: { reuse: true, state: 'Running' } } });
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 200 });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(5 * MINUTE);
    expect([state(instanceId), world.outcome(instanceId)]).toEqual(['Warmed:Running', 'drained']);
    expect(world.killedBuilds).toEqual([]);
  });
});

it('an instance with a new root volume serves again when its new node is ready, hours after the replacement began', async () => {
  await start({ admission: {} });
  const { instanceId, nodeId } = world.addBuilder();
  world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 3600 });
  world.aws.onRootVolumeReplaced(() => world.nomad.killInstance(nodeId));
  world.aws.replaceRootVolume(instanceId);
  await world.advance(2 * SECOND);
  await world.sweepFor(70 * MINUTE);
  expect(state(instanceId)).toBe('Pending:Wait');
  world.join(instanceId);
  await world.sweepFor(2 * MINUTE);
  expect(state(instanceId)).toBe('InService');
  expect(world.killedBuilds).toEqual([]);
});

it('an instance that is terminated while it waits is drained as any other', async () => {
  await start({ admission: {} });
  const instanceId = await launch();
  const nodeId = world.join(instanceId, { initializing: true });
  world.nomad.firstHeartbeat(nodeId);
  world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 300 });
  world.aws.scaleIn(GROUP, [instanceId]);
  await world.advance(2 * SECOND);
  await world.sweepFor(2 * MINUTE);
  expect(world.aws.waiting).toMatchObject([{ hook: { name: 'nomad-drain' } }]);
  await world.sweepFor(5 * MINUTE);
  expect(world.outcome(instanceId)).toBe('drained');
  expect(world.killedBuilds).toEqual([]);
});

it('the example event of docs/joining.md shows what would be done, and changes nothing', async () => {
  const page = readFileSync(new URL('../../docs/joining.md', import.meta.url), 'utf8');
  const event = JSON.parse(/```json\n(.*?)```/s.exec(page)?.[1] ?? '');
  await start({ admission: {} });
  const instanceId = world.aws.launch(GROUP, { id: event.detail.EC2InstanceId });
  await world.advance(2 * SECOND);
  world.join(instanceId);
  const before = world.writings().length;
  const report = await world.wake(event);
  expect(report.joining).toMatchObject([{ instanceId, would: 'put the instance into service, or into its warm pool' }]);
  expect(world.writings()).toHaveLength(before);
});

it('a launching hook that is missing fails each sweep', async () => {
  await start({ admission: { hook: 'another' } });
  await expect(world.wake(SWEEP)).rejects.toThrow(
    'group builders has no lifecycle hook another: its instances are put into service before their nodes are ready',
  );
});

describe('an instance in service that Nomad does not know', () => {
  const missing = async () => ((await world.wake(STATUS)) as Report).missing;
  const measured = () => world.printed.flatMap((line) => JSON.parse(line).ClientsMissing ?? []);

  it('is reported and measured after ten minutes, with or without the launching hook', async () => {
    await start();
    world.addBuilder();
    const instanceId = world.aws.addInstance(GROUP);
    await world.sweepFor(9 * MINUTE);
    expect(await missing()).toBeUndefined();
    expect(measured()).toEqual([0]);
    await world.sweepFor(2 * MINUTE);
    expect(await missing()).toMatchObject([{ instanceId, group: GROUP }]);
    expect(measured()).toEqual([0, 1]);
    world.join(instanceId, UNNAMED);
    await world.sweepFor(5 * MINUTE);
    expect(await missing()).toBeUndefined();
    expect(measured()).toEqual([0, 1, 0]);
  });

  it('is not known while Nomad does not answer', async () => {
    await start();
    world.aws.addInstance(GROUP);
    await world.sweepFor(4 * MINUTE);
    world.nomad.server.fault = () => 'hang-up';
    await world.sweepOnFor(11 * MINUTE);
    expect(measured()).toEqual([]);
  });
});
