import { TerminateInstanceInAutoScalingGroupCommand } from '@aws-sdk/client-auto-scaling';
import { describe, expect, it } from 'vitest';
import { connect } from '../../emulators/aws/clients.ts';
import { HOUR, MINUTE, SECOND } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const eligibility = (nodeId: string) => world.nomad.node(nodeId).SchedulingEligibility;
const drainRequests = () => world.nomad.requests.filter(({ path }) => path.endsWith('/drain')).length;

/** What an operator, or another tool, asks of Nomad. */
const operate = (nodeId: string, path: string, body: object) =>
  fetch(`${world.nomad.url}/v1/node/${nodeId}/${path}`, { method: 'POST', body: JSON.stringify(body) });

/** A builder with a build of so many seconds. */
const addBusyBuilder = (runSeconds: number) => {
  const builder = world.addBuilder();
  world.nomad.run({ id: 'build', type: 'batch', on: builder.nodeId, runSeconds });
  return builder;
};

const terminateThroughItsGroup = async (InstanceId: string) => {
  const { autoScaling } = connect(world.aws);
  const command = { InstanceId, ShouldDecrementDesiredCapacity: false };
  await autoScaling.send(new TerminateInstanceInAutoScalingGroupCommand(command));
  autoScaling.destroy();
};

describe('a build finishes before its instance goes by', () => {
  it.each<[string, (id: string) => unknown]>([
    ['TerminateInstanceInAutoScalingGroup', terminateThroughItsGroup],
    ['an instance refresh', (id) => world.aws.refresh(id)],
    ['the end of its lifetime', (id) => world.aws.exceedLifetime(id)],
    ['the rebalancing of zones', (id) => world.aws.rebalanceZones(id)],
    ['a health check that fails while its node is alive', (id) => world.aws.failHealthCheck(id)],
  ])('%s', async (_, leave) => {
    await start();
    const { instanceId } = addBusyBuilder(300);
    await leave(instanceId);
    await world.advance(5 * SECOND);

    await world.deliver();
    await world.sweepFor(3 * MINUTE);
    expect(world.completion(instanceId)).toBeUndefined();
    await world.sweepFor(4 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
    expect(drainRequests()).toBe(1);
  });
});

describe('TerminateInstances by hand', () => {
  it('kills at once: the hook comes when the instance is dead, and is completed in the run of its event', async () => {
    await start();
    const { instanceId, nodeId } = addBusyBuilder(3600);
    world.aws.terminate(instanceId);
    while (world.events.length === 0) await world.advance(10 * SECOND);

    const [report] = await world.deliver();

    expect(report?.instances).toMatchObject([{ instanceId, action: 'complete' }]);
    expect(world.outcome(instanceId)).toBe('instance-gone');
    expect(world.killedBuilds).toHaveLength(1);
    expect(drainRequests()).toBe(0);
    await world.sweepFor(2 * MINUTE);
    expect(world.aws.waiting).toEqual([]);
    expect(world.nomad.node(nodeId).Status).toBe('down');
  });
});

describe('a node that dies', () => {
  it('in an instance that runs on is lost to Nomad: drained first, so that nothing starts if its agent comes back, and released', async () => {
    await start();
    const { instanceId, nodeId } = addBusyBuilder(3600);
    world.nomad.killInstance(nodeId);
    await world.sweepFor(2 * MINUTE);
    expect(world.nomad.node(nodeId).Status).toBe('down');

    await world.scaleIn(instanceId);
    const [report] = await world.deliver();

    expect(report?.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'node-lost' }]);
    expect(drainRequests()).toBe(1);
    expect(eligibility(nodeId)).toBe('ineligible');
  });
});

describe('a warm pool', () => {
  const WARM = { group: { warmPool: { reuse: true, state: 'Running' as const } } };

  it('gives an instance back within a minute, however often it goes and comes', async () => {
    await start(WARM);
    const { instanceId, nodeId } = world.addBuilder();
    for (let turn = 0; turn < 3; turn++) {
      world.nomad.run({ id: `build-${turn}`, type: 'batch', on: nodeId, runSeconds: 100 });
      await world.scaleIn(instanceId);
      await world.deliver();
      await world.sweepFor(4 * MINUTE);
      expect(world.aws.instance(instanceId).state).toBe('Warmed:Running');
      expect(eligibility(nodeId)).toBe('ineligible');
      world.aws.startFromWarmPool(instanceId);
      await world.advance(5 * SECOND);
      await world.sweepFor(MINUTE);
      expect(eligibility(nodeId)).toBe('eligible');
    }
    expect(drainRequests()).toBe(3);
    expect(world.killedBuilds).toEqual([]);
  });

  it('leaves a node as it is whose drain was not ours, when its instance is back in service', async () => {
    await start(WARM);
    const { instanceId, nodeId } = world.addBuilder();
    await operate(nodeId, 'drain', { DrainSpec: { Deadline: HOUR * 1e6 }, Meta: { drained_by: 'an operator' } });
    await world.advance(10 * SECOND);
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(4 * MINUTE);
    world.aws.startFromWarmPool(instanceId);

    await world.sweepFor(5 * MINUTE);

    expect(world.aws.instance(instanceId).state).toBe('InService');
    expect(eligibility(nodeId)).toBe('ineligible');
    expect(drainRequests()).toBe(1);
  });

  it('ends an instance of the pool at once: nothing was placed on its node', async () => {
    await start(WARM);
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(3 * MINUTE);
    world.aws.terminateFromWarmPool(instanceId);
    await world.advance(2 * SECOND);

    await world.deliver();
    await world.sweepFor(2 * MINUTE);

    expect(world.aws.waiting).toEqual([]);
    expect(drainRequests()).toBe(1);
    expect(world.aws.completions.map(({ by }) => by)).toEqual(['call', 'call']);
  });
});

describe('the replacement of a root volume', () => {
  it('waits for the build, and the node is eligible within a minute of the instance being back in service', async () => {
    await start();
    const { instanceId, nodeId } = addBusyBuilder(300);
    world.aws.replaceRootVolume(instanceId);
    await world.advance(2 * SECOND);
    expect(world.aws.instance(instanceId).state).toBe('ReplacingRootVolume:Wait');

    await world.deliver();
    expect(eligibility(nodeId)).toBe('ineligible');
    while (!world.completion(instanceId)) await world.sweepFor(MINUTE);
    await world.advance(10 * SECOND);
    expect(world.aws.instance(instanceId).state).toBe('InService');
    await world.sweepFor(MINUTE);

    expect(eligibility(nodeId)).toBe('eligible');
    expect(drainRequests()).toBe(1);
    expect(world.killedBuilds).toEqual([]);
  });

  it('of an idle instance takes seconds: its node is eligible with the first sweep half a minute after its drain began', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.aws.replaceRootVolume(instanceId);
    await world.advance(2 * SECOND);
    const since = world.clock.now();
    await world.deliver();
    await world.advance(10 * SECOND);
    expect(world.aws.instance(instanceId).state).toBe('InService');

    while (eligibility(nodeId) === 'ineligible') await world.sweepFor(MINUTE);

    expect(world.clock.now() - since).toBeGreaterThan(30 * SECOND);
    expect(world.clock.now() - since).toBeLessThanOrEqual(90 * SECOND);
  });

  it('brings a new node where the client keeps its data there: it is left alone, and eligible', async () => {
    await start();
    const { instanceId, nodeId } = addBusyBuilder(100);
    world.aws.replaceRootVolume(instanceId);
    await world.advance(2 * SECOND);
    await world.deliver();
    while (!world.completion(instanceId)) await world.sweepFor(MINUTE);
    const anew = world.newIdentity(instanceId);
    await world.advance(10 * SECOND);
    expect(world.aws.instance(instanceId).state).toBe('InService');

    await world.sweepFor(5 * MINUTE);

    expect(eligibility(anew)).toBe('eligible');
    expect(world.nomad.node(anew).LastDrain).toBeNull();
    expect(world.nomad.node(nodeId).Status).toBe('down');
    expect(drainRequests()).toBe(1);
  });
});
