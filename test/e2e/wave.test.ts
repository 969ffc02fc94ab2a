import { describe, expect, it } from 'vitest';
import { MINUTE, SWEEP } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const NODES = 40;
const SERVICES = 20;

/** A group of forty with twenty services, which has to go in two halves: what it runs may move to the other half. */
const fill = async () => {
  await start();
  const builders = Array.from({ length: NODES }, () => world.addBuilder());
  for (let index = 0; index < SERVICES; index++) {
    world.nomad.run({ id: `web-${index}`, type: 'service', minHealthySeconds: 5 });
  }
  return builders.map(({ instanceId }) => instanceId);
};

/** How often the services were placed anew. */
const moves = () => {
  const placed = [...world.nomad.state.allocations.values()].filter(({ JobID }) => JobID.startsWith('web-'));
  return placed.length - SERVICES;
};

const expectAllServed = async (instanceIds: readonly string[]) => {
  await world.sweepFor(3 * MINUTE);
  for (const id of instanceIds) expect(world.completion(id)).toMatchObject({ by: 'call' });
};

/** Those that stay have room for everything. */
const half = (instanceIds: string[]) => instanceIds.slice(0, NODES / 2);

describe('many instances of a group go at once:', () => {
  it('in a sweep nothing moves onto a node that is next', async () => {
    const going = half(await fill());
    world.aws.deliver = () => [];
    await world.scaleIn(...going);
    const before = [...world.nomad.state.allocations.values()].filter(({ NodeID }) => goingNodes(going).has(NodeID));
    await world.wake(SWEEP);
    await expectAllServed(going);
    expect(moves()).toBe(before.length);
  });

  it('all nodes are ineligible before the first drain', async () => {
    const going = half(await fill());
    world.aws.deliver = () => [];
    await world.scaleIn(...going);
    await world.wake(SWEEP);
    const writes = world.nomad.requests.map(({ path }) => path).filter((path) => /\/(drain|eligibility)$/.test(path));
    expect(writes.slice(0, going.length).every((path) => path.endsWith('/eligibility'))).toBe(true);
    expect(writes.slice(going.length).every((path) => path.endsWith('/drain'))).toBe(true);
  });

  it('in events that run at once, each in its own environment', async () => {
    const going = half(await fill());
    await world.scaleIn(...going);
    const environments = await Promise.all(going.map(() => world.environment()));
    const before = [...world.nomad.state.allocations.values()].filter(({ NodeID }) => goingNodes(going).has(NodeID));
    await Promise.all(world.events.splice(0).map((event, index) => world.wake(event, environments[index])));
    await expectAllServed(going);
    expect(moves()).toBe(before.length);
  });

  // Where each event knew of its own instance alone, it was six moves for each service here.
  it('in events that run one by one a service may move onto a node that is next: each run knows of its own instance alone', async () => {
    const going = half(await fill());
    await world.scaleIn(...going);
    const before = [...world.nomad.state.allocations.values()].filter(({ NodeID }) => goingNodes(going).has(NodeID));
    await world.deliver();
    await expectAllServed(going);
    expect(before).toHaveLength(SERVICES);
    expect(moves()).toBe(14 * SERVICES);
  });

  it('the whole group: nothing moves in it, and a service of two that has nowhere to go is told as stuck', async () => {
    const going = await fill();
    world.nomad.run({ id: 'pair', type: 'service', count: 2 });
    world.aws.deliver = () => [];
    await world.scaleIn(...going);
    await world.sweepFor(4 * MINUTE);
    // A service of one is stopped by Nomad before it has another place; of two, one has to run.
    expect(moves()).toBe(0);
    const stuck = expect.stringContaining('pair (task group g) has nowhere to go');
    expect(world.reports.at(-1)?.instances).toMatchObject([{ stuck }]);
    expect(world.aws.completions).toHaveLength(NODES - 1);
  });

  it('a hundred: Nomad is asked for a list of nodes less than once for each of them, since it looks at all nodes for each list', async () => {
    await start();
    const going = Array.from({ length: 100 }, () => world.addBuilder().instanceId);
    world.aws.deliver = () => [];
    await world.scaleIn(...going);

    await world.wake(SWEEP);

    const lists = world.nomad.requests.filter(({ path }) => path.startsWith('/v1/nodes'));
    expect(lists.length).toBeLessThan(going.length);
    for (const id of going) expect(world.outcome(id)).toBe('drained');
  });

  it('a hundred, of one of which Nomad does not answer: the others are released in the same sweep', async () => {
    await start();
    const builders = Array.from({ length: 100 }, () => world.addBuilder());
    const [sick, ...others] = builders;
    world.aws.deliver = () => [];
    await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
    world.nomad.server.fault = ({ url }) => (url.pathname === `/v1/node/${sick?.nodeId}` ? 'silence' : undefined);

    await world.wake(SWEEP).catch(() => {});

    for (const { instanceId } of others) expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(world.completion(sick?.instanceId ?? '')).toBeUndefined();
  });

  it('a node that does not answer holds up no other for long', async () => {
    const going = half(await fill());
    world.aws.deliver = () => [];
    await world.scaleIn(...going);
    const [sick = ''] = going;
    world.nomad.server.fault = ({ url }) => (decodeURIComponent(url.search).includes(sick) ? 'silence' : undefined);
    const began = world.clock.now();
    await world.wake(SWEEP).catch(() => {});
    const nodes = [...world.nomad.state.nodes.values()].filter(({ LastDrain }) => LastDrain);
    expect(nodes).toHaveLength(going.length - 1);
    for (const { LastDrain } of nodes) {
      expect(Date.parse(String(LastDrain?.StartedAt)) - began).toBeLessThanOrEqual(5_000);
    }
  });
});

const goingNodes = (instanceIds: readonly string[]) =>
  new Set(
    [...world.nomad.state.nodes.values()]
      .filter(({ Attributes }) => instanceIds.includes(Attributes['unique.platform.aws.instance-id'] ?? ''))
      .map(({ ID }) => ID),
  );
