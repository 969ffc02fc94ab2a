import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND, STATUS } from '../../emulators/world/world.ts';
import { GROUP } from '../../emulators/world/world-options.ts';
import { start, world } from './start.ts';

const calls = (action: string) => world.aws.requests.filter((request) => request.action === action).length;

describe('a node whose agent is away, and whose builds Nomad keeps for a time', () => {
  const away = async () => {
    await start();
    const builder = world.addBuilder({}, { market: 'spot' });
    const job = { id: 'build', type: 'batch', runSeconds: 7200, lostAfterSeconds: 36_000 } as const;
    world.nomad.run({ ...job, on: builder.nodeId });
    await world.scaleIn(builder.instanceId);
    await world.deliver();
    return builder;
  };

  it('is told to a person, like one that is down', async () => {
    const { nodeId } = await away();
    world.nomad.stopClient(nodeId);

    await world.sweepFor(3 * MINUTE);

    expect(world.nomad.node(nodeId).Status).toBe('disconnected');
    expect(world.reports.at(-1)?.instances[0]?.stuck).toContain(
      'the node is disconnected, but 1 allocation may still run',
    );
  });

  it('holds no instance that EC2 has stopped: nothing runs there', async () => {
    const { instanceId, nodeId } = await away();
    world.aws.interruptSpot(instanceId, 'stop');

    await world.sweepFor(5 * MINUTE);

    expect(world.nomad.node(nodeId).Status).toBe('disconnected');
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
  });
});

describe('a second terminating hook', () => {
  it('is said to hold the instance once ours is done, which is not completed again and again', async () => {
    await start();
    world.aws.addHook(GROUP, { name: 'backup', heartbeatTimeoutSeconds: 7200, defaultResult: 'CONTINUE' });
    const { instanceId } = world.addBuilder();
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(HOUR);

    expect(world.aws.instance(instanceId).state).toBe('Terminating:Wait');
    expect(calls('CompleteLifecycleAction')).toBeLessThanOrEqual(2);
    const status = await world.wake(STATUS);
    expect(status.instances).toMatchObject([
      { instanceId, because: 'its lifecycle action for our hook is completed: another hook of the group holds it' },
    ]);
  });
});

describe('a drain that Nomad leaves on', () => {
  it('over a node whose last build was stopped by its job: the instance goes within half a minute', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 7200 });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(5 * MINUTE);
    let stopped = Number.NaN;
    world.clock.after(65 * SECOND, () => {
      stopped = world.clock.now();
      void fetch(`${world.nomad.url}/v1/job/build`, { method: 'DELETE' });
    });

    await world.sweepFor(3 * MINUTE);

    expect((world.completion(instanceId)?.at ?? Number.POSITIVE_INFINITY) - stopped).toBeLessThanOrEqual(30 * SECOND);
  });
});

describe('a build that was stopping already when its drain began', () => {
  it('ends, and leaves the drain on over an empty node: the instance goes within half a minute', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    const stubborn = { killTimeoutSeconds: 200, stopSeconds: 160 };
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 7200, ...stubborn });
    await fetch(`${world.nomad.url}/v1/job/build`, { method: 'DELETE' });
    await world.scaleIn(instanceId);
    await world.deliver();
    let emptyAt = Number.NaN;
    const look = () => {
      if (world.nomad.processes().length > 0) world.clock.after(SECOND, look);
      else emptyAt = world.clock.now();
    };
    look();

    await world.sweepFor(6 * MINUTE);

    expect(world.nomad.node(nodeId).LastDrain?.Status).toBe('draining');
    expect((world.completion(instanceId)?.at ?? Number.POSITIVE_INFINITY) - emptyAt).toBeLessThanOrEqual(30 * SECOND);
  });
});

describe('a service of one that a drain stops', () => {
  it('and that has nowhere to go, is named: it runs nowhere now', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'web', type: 'service', on: nodeId });
    await world.scaleIn(instanceId);
    await world.deliver();

    await world.sweepFor(3 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    const nowhere = [{ job: 'web', namespace: 'default', taskGroup: 'g' }];
    expect(world.reports.flatMap(({ instances }) => instances)).toContainEqual(expect.objectContaining({ nowhere }));
    expect(world.told.map(({ detail }) => detail)).toContainEqual(expect.objectContaining({ nowhere }));
    const message = 'service runs nowhere now: the drain has stopped it';
    expect(world.log).toContainEqual(expect.objectContaining({ level: 'warn', message, job: 'web' }));
  });
});

describe('the clock of Nomad', () => {
  for (const minutes of [-4, 4]) {
    it(`is ${minutes} minutes off: the deadline that an operator gave is kept, and not forced early`, async () => {
      await start({ policy: { killMarginSeconds: 30 } });
      world.nomad.clockSkewMs = minutes * MINUTE;
      const { instanceId, nodeId } = world.addBuilder();
      world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 140 });
      await fetch(`${world.nomad.url}/v1/node/${nodeId}/drain`, {
        method: 'POST',
        body: JSON.stringify({ DrainSpec: { Deadline: 150e9 } }),
      });
      await world.scaleIn(instanceId);
      await world.deliver();

      await world.sweepFor(4 * MINUTE);

      expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
      expect(world.killedBuilds).toEqual([]);
    });
  }
});

describe('the leader of Nomad', () => {
  it('has changed since the drain began: an empty list counts after ten seconds', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.aws.deliver = () => [];
    await world.scaleIn(instanceId);
    world.nomad.server.fault = ({ url }) => {
      if (url.pathname.endsWith('/drain')) world.clock.after(100, () => world.nomad.newLeader());
      return undefined;
    };

    await world.sweepFor(2 * MINUTE);

    const began = Date.parse(world.nomad.node(nodeId).LastDrain?.StartedAt ?? '');
    const waited = (world.completion(instanceId)?.at ?? Number.NaN) - began;
    expect(waited).toBeGreaterThanOrEqual(10 * SECOND);
    expect(waited).toBeLessThanOrEqual(13 * SECOND);
  });
});
