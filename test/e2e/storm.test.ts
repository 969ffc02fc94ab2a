import pMap from 'p-map';
import { describe, expect, it } from 'vitest';
import { type Invoke, MINUTE, SECOND, SWEEP } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const INSTANCES = 500;
/** Function environments that Lambda runs at once. */
const ENVIRONMENTS = 50;
/** Nomad's `http_max_conns_per_client`. */
const NOMAD_CONNECTIONS = 100;

/** Wakes the function with all events that have arrived, as many at once as there are environments. */
const deliverAtOnce = async () => {
  const idle: Invoke[] = await Promise.all(Array.from({ length: ENVIRONMENTS }, () => world.environment()));
  await pMap(
    world.events.splice(0),
    async (event) => {
      const environment = idle.pop();
      if (!environment) throw new Error('more runs than environments');
      await world.wake(event, environment).finally(() => idle.push(environment));
    },
    { concurrency: ENVIRONMENTS },
  );
};

const calls = (action: string) => world.aws.requests.filter((request) => request.action === action).length;

describe('a storm', { timeout: 240_000 }, () => {
  it('of 500 instances is draining within a minute, and each is let go within a sweep of being empty', async () => {
    await start();
    const builders = Array.from({ length: INSTANCES }, () => world.addBuilder());
    for (const [index, { nodeId }] of builders.entries()) {
      // Up to four minutes, so that they end at many different times.
      world.nomad.run({ id: `build-${index}`, type: 'batch', on: nodeId, runSeconds: 90 + (index % 150) });
    }
    await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
    const began = world.clock.now();

    await deliverAtOnce();

    const draining = builders.filter(({ nodeId }) => world.nomad.node(nodeId).LastDrain !== null);
    expect(draining).toHaveLength(INSTANCES);
    expect(world.clock.now() - began).toBeLessThanOrEqual(MINUTE);
    expect(world.nomad.server.mostConnections).toBeLessThanOrEqual(NOMAD_CONNECTIONS);
    // Each run asks for its own instance alone, and each environment once a minute for the whole group.
    expect(calls('DescribeAutoScalingGroups')).toBeLessThanOrEqual(2 + ENVIRONMENTS);
    expect(calls('DescribeAutoScalingInstances')).toBeLessThanOrEqual(2 * INSTANCES);
    expect(calls('DescribeLifecycleHooks')).toBeLessThanOrEqual(2 * ENVIRONMENTS);

    const drains = world.nomad.requests.filter(({ path }) => path.endsWith('/drain')).length;
    expect(drains).toBe(INSTANCES);
    await world.sweepFor(6 * MINUTE);

    expect(world.killedBuilds).toEqual([]);
    for (const { instanceId, nodeId } of builders) {
      const [build] = world.nomad.allocationsOn(nodeId);
      const ended = (build?.ModifyTime ?? 0) / 1e6;
      const completion = world.completion(instanceId);
      expect(completion).toMatchObject({ by: 'call' });
      expect((completion?.at ?? Number.POSITIVE_INFINITY) - ended).toBeLessThanOrEqual(MINUTE + 10 * SECOND);
    }
    expect(calls('CompleteLifecycleAction')).toBe(INSTANCES);
  });

  it('of cold starts, which all read their parameters at once, drains as well', async () => {
    const cold = 150;
    await start({
      acl: true,
      tellsHeartbeatTimeout: true,
      nomad: { token: { parameter: '/nomad/drain-token' } },
    });
    world.nomad.policy('drainer', 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }');
    world.aws.putParameter('/nomad/drain-token', world.nomad.token({ policies: ['drainer'] }), 'SecureString');
    const builders = Array.from({ length: cold }, () => world.addBuilder());
    for (const { nodeId } of builders) {
      world.nomad.run({ id: `b-${nodeId}`, type: 'batch', on: nodeId, runSeconds: 3600 });
    }
    await world.scaleIn(...builders.map(({ instanceId }) => instanceId));

    await Promise.all(world.events.splice(0).map(async (event) => world.wake(event, await world.environment())));

    for (const { nodeId } of builders) expect(world.nomad.node(nodeId).LastDrain).not.toBeNull();
    expect(calls('GetParameter')).toBe(0);
    expect(calls('GetParameters')).toBeGreaterThan(cold);
    // Only once the drains are on: the hook may be shorter by now than the configuration says.
    expect(calls('DescribeLifecycleHooks')).toBeLessThanOrEqual(cold);
    const actions = world.aws.requests.map(({ action }) => action);
    const lastDescribed = actions.lastIndexOf('DescribeAutoScalingInstances');
    expect(actions.indexOf('DescribeLifecycleHooks')).toBeGreaterThan(lastDescribed);
  });

  it('asks one question for the whole fleet at each look, and once a minute what runs on all its nodes', async () => {
    await start();
    const builders = Array.from({ length: 100 }, () => world.addBuilder());
    for (const { nodeId } of builders)
      world.nomad.run({ id: `b-${nodeId}`, type: 'batch', on: nodeId, runSeconds: 3600 });
    world.aws.deliver = () => [];
    await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
    await world.wake(SWEEP);
    const before = world.nomad.requests.length;

    await world.wake(SWEEP);

    const asked = world.nomad.requests.slice(before);
    const fleet = asked.filter(({ path }) => path === '/v1/nodes').length;
    expect(asked.filter(({ path }) => path === '/v1/allocations')).toHaveLength(1);
    expect(fleet).toBeLessThanOrEqual(60);
    // And what the token may see.
    expect(asked).toHaveLength(2 + fleet);
  });
});
