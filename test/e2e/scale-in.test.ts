import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND, STATUS } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

describe('a group scales in', () => {
  it('lets an idle instance go at once, in the run of its event', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    await world.scaleIn(instanceId);

    const [report] = await world.deliver();

    expect(report).toEqual({
      run: 'event',
      at: '2026-03-01T09:00:02.000Z',
      groups: ['builders'],
      warnings: [],
      instances: [
        {
          instanceId,
          group: 'builders',
          hook: 'nomad-drain',
          nodeId,
          nodeName: 'client-1',
          waitingSince: '2026-03-01T09:00:01.000Z',
          deadlineAt: '2026-03-01T15:00:02.000Z',
          action: 'complete',
          outcome: 'drained',
          because: 'everything on the drained node has stopped',
          remaining: [],
        },
      ],
    });
    expect(world.completion(instanceId)).toMatchObject({ result: 'CONTINUE', by: 'call' });
  });

  it('keeps an instance until both of its builds have finished, and then lets it go within a sweep', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    const [first = ''] = world.nomad.run({ id: 'build-1', type: 'batch', on: nodeId, runSeconds: 90 });
    const [second = ''] = world.nomad.run({ id: 'build-2', type: 'batch', on: nodeId, runSeconds: 300 });
    await world.scaleIn(instanceId);

    const [report] = await world.deliver();
    expect(report?.instances).toMatchObject([
      {
        instanceId,
        action: 'start-drain',
        because: expect.stringMatching(
          /^the drain waits for 2 allocations: build-\d \(task group g, running for \d s\), build-/,
        ),
      },
    ]);
    expect(report?.instances[0]?.remaining.map(({ id }) => id).sort()).toEqual([first, second].sort());

    await world.sweepFor(4 * MINUTE);
    expect(world.nomad.allocation(first).ClientStatus).toBe('complete');
    expect(world.completion(instanceId)).toBeUndefined();

    await world.sweepFor(2 * MINUTE);
    expect(world.nomad.allocation(second).ClientStatus).toBe('complete');
    expect(world.completion(instanceId)).toMatchObject({ result: 'CONTINUE', by: 'call' });
    expect(world.killedBuilds).toEqual([]);
  });

  it('lets an instance go once its service runs on another node', async () => {
    await start();
    const leaving = world.addBuilder();
    const [allocation = ''] = world.nomad.run({ id: 'web', type: 'service', minHealthySeconds: 10 });
    const staying = world.addBuilder();
    await world.scaleIn(leaving.instanceId);

    await world.deliver();
    await world.sweepFor(2 * MINUTE);

    expect(world.completion(leaving.instanceId)).toMatchObject({ by: 'call' });
    const moved = world.nomad.allocation(allocation).NextAllocation ?? '';
    expect(world.nomad.allocation(moved)).toMatchObject({ NodeID: staying.nodeId, ClientStatus: 'running' });
  });

  it('does not move the deadline of a drain when its event comes twice', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 600 });
    world.aws.deliver = () => [0, 20 * SECOND];
    await world.scaleIn(instanceId);

    await world.deliver();
    const { ForceDeadline } = world.nomad.node(nodeId).DrainStrategy ?? {};
    await world.advance(30 * SECOND);
    const [second] = await world.deliver();

    expect(second?.instances).toMatchObject([{ instanceId, action: 'wait' }]);
    expect(world.nomad.node(nodeId).DrainStrategy?.ForceDeadline).toBe(ForceDeadline);
    expect(world.nomad.requests.filter(({ path }) => path.endsWith('/drain'))).toHaveLength(1);
  });

  it('finds an instance whose event was lost with the next sweep', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 100 });
    world.aws.deliver = () => [];
    await world.scaleIn(instanceId);
    expect(world.events).toEqual([]);

    await world.sweepFor(3 * MINUTE);

    expect(world.completion(instanceId)).toMatchObject({ result: 'CONTINUE', by: 'call' });
    expect(world.killedBuilds).toEqual([]);
  });

  it('does nothing about an event that comes after its instance was let go', async () => {
    await start();
    const { instanceId } = world.addBuilder();
    world.aws.deliver = () => [0, 10 * MINUTE];
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.advance(10 * MINUTE);

    const [late] = await world.deliver();

    expect(late?.instances).toEqual([]);
    expect(world.aws.completions).toHaveLength(1);
  });

  it('lets an instance go that is no Nomad node, after the grace period', async () => {
    await start();
    const instanceId = world.aws.addInstance('builders');
    await world.scaleIn(instanceId);

    const [report] = await world.deliver();
    expect(report?.instances).toMatchObject([{ instanceId, nodeId: null, action: 'wait' }]);
    await world.sweepFor(MINUTE);
    expect(world.completion(instanceId)).toBeUndefined();

    await world.sweepFor(2 * MINUTE);
    expect(world.outcome(instanceId)).toBe('not-a-node');
  });

  it('serves a client that does not know its instance id by its address', async () => {
    await start();
    const instanceId = world.aws.addInstance('builders');
    const { privateIp } = world.aws.instance(instanceId);
    const node = world.nomad.addNode({ address: privateIp, attributes: { 'unique.network.ip-address': privateIp } });
    await world.scaleIn(instanceId);

    const [report] = await world.deliver();

    expect(report?.instances).toMatchObject([{ nodeId: node.id, action: 'complete', outcome: 'drained' }]);
  });

  it('serves many instances at once, each by itself', async () => {
    await start();
    const builders = Array.from({ length: 12 }, () => world.addBuilder());
    for (const [index, { nodeId }] of builders.entries()) {
      world.nomad.run({ id: `build-${index}`, type: 'batch', on: nodeId, runSeconds: 30 + index * 20 });
    }
    await world.scaleIn(...builders.map(({ instanceId }) => instanceId));

    await world.deliver();
    await world.sweepFor(6 * MINUTE);

    for (const { instanceId } of builders) expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(world.killedBuilds).toEqual([]);
  });

  it('keeps Auto Scaling waiting with three heartbeats per timeout, for as long as a build runs', async () => {
    await start({ heartbeatTimeoutSeconds: 900 });
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'long', type: 'batch', on: nodeId, runSeconds: 2 * 3600 });
    await world.scaleIn(instanceId);
    await world.deliver();

    await world.sweepFor(2 * HOUR + 2 * MINUTE);

    expect(world.completion(instanceId)).toMatchObject({ result: 'CONTINUE', by: 'call' });
    expect(world.killedBuilds).toEqual([]);
    expect(world.aws.heartbeats.length).toBeGreaterThanOrEqual(23);
    expect(world.aws.heartbeats.length).toBeLessThanOrEqual(25);
  });

  it('says with the status command what it would do, and does nothing', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    await world.scaleIn(instanceId);

    const report = await world.wake(STATUS);

    expect(report).toMatchObject({ run: 'status', instances: [{ instanceId, nodeId, action: 'start-drain' }] });
    expect(world.nomad.node(nodeId)).toMatchObject({ Drain: false, LastDrain: null });
    expect(world.aws.completions).toEqual([]);
    expect(world.aws.heartbeats).toEqual([]);
  });
});
