import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SWEEP, UNNAMED } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const told = () => world.told.map(({ 'detail-type': type }) => type);
const detail = (type: string) => world.told.find((event) => event['detail-type'] === type)?.detail;

/** A service with nowhere to go, and a build. */
const getStuck = async () => {
  const builder = world.addBuilder();
  world.nomad.run({ id: 'web', type: 'service', count: 2 });
  world.nomad.run({ id: 'build', type: 'batch', on: builder.nodeId, runSeconds: 7200 });
  await world.scaleIn(builder.instanceId);
  await world.deliver();
  return builder;
};

describe('on the event bus', () => {
  it('a drain is told when it starts, with what it waits for and until when', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder({ name: 'client-a' });
    const [id = ''] = world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 600 });
    await world.scaleIn(instanceId);
    const from = world.clock.now();

    await world.deliver();

    expect(world.told).toMatchObject([
      {
        source: 'nomad-drain-hook',
        'detail-type': 'Nomad Drain Started',
        detail: {
          instanceId,
          group: 'builders',
          hook: 'nomad-drain',
          nodeId,
          nodeName: 'client-a',
          because: 'the node is not draining and its instance is terminating',
          allocations: [{ id, job: 'build', namespace: 'default', taskGroup: 'g', type: 'batch', status: 'running' }],
          allocationCount: 1,
        },
      },
    ]);
    const { waitingSince, drainStartedAt, deadlineAt } = detail('Nomad Drain Started') as Record<string, string>;
    expect(Date.parse(waitingSince ?? '')).toBeLessThanOrEqual(from);
    expect(Date.parse(deadlineAt ?? '') - Date.parse(drainStartedAt ?? '')).toBe(6 * HOUR);
  });

  it('a drain is told when it ends, with its outcome and times', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 200 });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(5 * MINUTE);

    expect(told()).toEqual(['Nomad Drain Started', 'Nomad Drain Ended']);
    const ended = detail('Nomad Drain Ended') as Record<string, string>;
    expect(ended).toMatchObject({
      instanceId,
      nodeId,
      outcome: 'drained',
      result: 'CONTINUE',
      because: 'everything on the drained node has stopped',
      allocations: [],
      allocationCount: 0,
      killed: [],
      killedCount: 0,
    });
    const times = ['waitingSince', 'drainStartedAt', 'emptySince', 'endedAt'].map((name) =>
      Date.parse(ended[name] ?? ''),
    );
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(Date.parse(ended.endedAt ?? '')).toBe(world.completion(instanceId)?.at);
  });

  it('what was killed is told with the end', async () => {
    await start({ policy: { deadlineSeconds: 300 } });
    const { instanceId, nodeId } = world.addBuilder();
    const [id = ''] = world.nomad.run({ id: 'long', type: 'batch', on: nodeId, runSeconds: 7200, stderr: 'secret?' });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(7 * MINUTE);

    expect(detail('Nomad Drain Ended')).toMatchObject({
      outcome: 'forced',
      killed: [{ id, job: 'long' }],
      killedCount: 1,
    });
    // What a build says stays with those who may read the function's log.
    expect(JSON.stringify(world.told)).not.toContain('secret?');
  });

  it('a drain that gets stuck is told once, as long as it is stuck for the same reason', async () => {
    await start();
    const { instanceId, nodeId } = await getStuck();
    await world.sweepFor(10 * MINUTE);

    expect(told()).toEqual(['Nomad Drain Started', 'Nomad Drain Stuck']);
    expect(detail('Nomad Drain Stuck')).toMatchObject({
      instanceId,
      nodeId,
      because: 'web (task group g) has nowhere to go: no eligible node in pool default',
      allocationCount: 2,
    });
  });

  it('a drain that is stuck is told again by a function that has just started, and remembers nothing', async () => {
    await start();
    await getStuck();
    await world.sweepFor(4 * MINUTE);
    await world.coldStart();
    await world.sweepFor(4 * MINUTE);
    expect(told().filter((type) => type === 'Nomad Drain Stuck')).toHaveLength(2);
  });

  it('two nodes at the address of one instance are told', async () => {
    await start();
    const { instanceId } = world.addBuilder(UNNAMED);
    world.nomad.addNode({ address: world.aws.instance(instanceId).privateIp });
    await world.scaleIn(instanceId);
    await world.wake(SWEEP).catch(() => {});
    expect(detail('Nomad Drain Stuck')).toMatchObject({
      instanceId,
      nodeId: null,
      because: expect.stringContaining('more than one node may be this instance'),
    });
  });

  it('twenty-five drains are told in three calls', async () => {
    await start();
    const builders = Array.from({ length: 25 }, () => world.addBuilder());
    for (const { nodeId } of builders)
      world.nomad.run({ id: `b-${nodeId}`, type: 'batch', on: nodeId, runSeconds: 900 });
    await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
    await world.wake(SWEEP);
    expect(told()).toEqual(Array.from({ length: 25 }, () => 'Nomad Drain Started'));
    expect(world.aws.requests.filter(({ service }) => service === 'events')).toHaveLength(3);
  });
});

describe('a drain does not depend on who listens', () => {
  const drainOne = async () => {
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    await world.wake(SWEEP);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
  };

  it('where the bus does not answer', async () => {
    await start();
    world.aws.servers.eventBridge.fault = () => 'hang-up';
    await drainOne();
    expect(world.log.filter(({ message }) => message === 'events lost')).not.toEqual([]);
    expect(world.printed.join()).toContain('EventsLost');
  });

  it('where there is no such bus', async () => {
    await start({ bus: 'elsewhere' });
    await drainOne();
    const [lost] = world.log.filter(({ message }) => message === 'events lost');
    expect(lost).toMatchObject({ level: 'warn', because: expect.stringContaining('elsewhere does not exist') });
  });

  it('and nothing is sent where no bus is configured', async () => {
    await start({ bus: null });
    await drainOne();
    expect(world.aws.requests.filter(({ service }) => service === 'events')).toEqual([]);
    expect(world.told).toEqual([]);
  });
});
