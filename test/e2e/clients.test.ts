import { describe, expect, it } from 'vitest';
import { ec2Error } from '../../emulators/aws/services.ts';
import { Authority } from '../../emulators/certificates.ts';
import { FUNCTION_ARN, MINUTE, SECOND, STATUS, SWEEP } from '../../emulators/world/world.ts';
import { rebalanceRecommendation } from './notice-events.ts';
import { start, world } from './start.ts';

/** So many builders, each on an instance of its own; the first one has to go in most tests. */
async function startBuilders(count: number, options: Parameters<typeof start>[0] = {}) {
  await start({ clients: {}, ...options });
  return Array.from({ length: count }, () => world.addBuilder());
}

/** The instances whose clients have been asked, in the order in which they were first asked. */
const asked = (since = 0) => {
  const agents = world.nomad.requests.slice(since).map(({ agent = 'a server' }) => agent);
  return [...new Set(agents)].map(
    (id) => world.nomad.state.nodes.get(id)?.Attributes['unique.platform.aws.instance-id'] ?? id,
  );
};

/** Builds whose processes ended because their instance did. */
const diedWithInstance = () => world.killedBuilds.filter(({ how }) => how === 'instance-died');

describe('through the Nomad clients of the group', () => {
  it('a build is waited for, and its instance released when it has ended; only a client in service is asked', async () => {
    const [leaving, staying] = await startBuilders(2);
    const began = world.clock.now();
    world.nomad.run({ id: 'build', type: 'batch', on: leaving?.nodeId ?? '', runSeconds: 300 });
    await world.scaleIn(leaving?.instanceId ?? '');

    await world.deliver();
    await world.sweepFor(2 * MINUTE);
    expect(world.completion(leaving?.instanceId ?? '')).toBeUndefined();
    await world.sweepFor(4 * MINUTE);

    expect(world.outcome(leaving?.instanceId ?? '')).toBe('drained');
    // Told by a blocking query, not seen by the next sweep.
    expect(world.completion(leaving?.instanceId ?? '')?.at).toBeLessThan(began + 305 * SECOND);
    expect(world.killedBuilds).toEqual([]);
    expect(asked()).toEqual([staying?.instanceId]);
  });

  it('one client of each zone is asked before a second of the same', async () => {
    await start({ clients: {} });
    const [leaving, first] = [world.addBuilder(), world.addBuilder({}, { zone: 'us-east-1a' })];
    world.addBuilder({}, { zone: 'us-east-1a' });
    const elsewhere = world.addBuilder({}, { zone: 'us-east-1b' });
    world.nomad.stopClient(first.nodeId);
    await world.scaleIn(leaving.instanceId);
    await world.deliver();
    expect(asked()).toEqual([elsewhere.instanceId]);
  });

  it.each<[string, (builder: { instanceId: string; nodeId: string }) => void, number]>([
    ['has no agent', ({ nodeId }) => world.nomad.stopClient(nodeId), 0],
    ['is a machine that does not answer', ({ instanceId }) => world.cutOff(instanceId), 500],
    ['is shutting down', ({ nodeId }) => world.nomad.clientAgents.shutDown(nodeId), 0],
    ['is silent', ({ nodeId }) => world.nomad.clientAgents.fallSilent(nodeId), 5_000],
  ])('a client that %s costs one try, and is asked last from then on', async (_, hurt, longest) => {
    const [leaving, sick, well] = await startBuilders(3);
    if (!leaving || !sick || !well) throw new Error('no builders');
    hurt(sick);
    await world.scaleIn(leaving.instanceId);
    const began = world.clock.now();
    await world.wake(STATUS);
    expect(world.clock.now() - began).toBeLessThan(longest + 1_500);
    const before = world.nomad.requests.length;
    await world.deliver();
    await world.sweepFor(MINUTE);
    expect(asked(before)).toEqual([well.instanceId]);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
  });

  it('a client that shuts down in the middle of a pass answers as if all were gone: nothing is released by it', async () => {
    const [leaving, gateway, other] = await startBuilders(3);
    if (!leaving || !gateway || !other) throw new Error('no builders');
    world.nomad.run({ id: 'build', type: 'batch', on: leaving.nodeId, runSeconds: 1_800 });
    await world.scaleIn(leaving.instanceId);
    await world.deliver();
    for (let after = 1; after <= 20; after += 1) {
      let left = after;
      world.nomad.clientAgents.onRequest = (nodeId) => {
        left -= 1;
        if (left === 0) world.nomad.clientAgents.shutDown(nodeId);
      };
      await world.wake(SWEEP).catch(() => {});
      expect(world.completion(leaving.instanceId), `after ${after} requests`).toBeUndefined();
      for (const { nodeId } of [gateway, other, leaving]) world.nomad.clientAgents.started(nodeId);
    }
    world.nomad.clientAgents.onRequest = undefined;
    await world.sweepFor(20 * MINUTE);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
    expect(diedWithInstance()).toEqual([]);
  });

  it('where all clients shut down at once, nothing is known, and nothing released', async () => {
    const builders = await startBuilders(2);
    const [leaving] = builders;
    if (!leaving) throw new Error('no builders');
    world.nomad.run({ id: 'build', type: 'batch', on: leaving.nodeId, runSeconds: 150 });
    await world.scaleIn(leaving.instanceId);
    for (const { nodeId } of builders) world.nomad.clientAgents.shutDown(nodeId);

    await world.deliver().catch(() => {});
    await expect(world.wake(SWEEP)).rejects.toThrow(
      /the Nomad client of i-\w+ \(http:\/\/10\.0\.[\d.]+:4646\).*knows no leader/,
    );
    expect(world.completion(leaving.instanceId)).toBeUndefined();

    for (const { nodeId } of builders) world.nomad.clientAgents.started(nodeId);
    await world.sweepFor(5 * MINUTE);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
    expect(diedWithInstance()).toEqual([]);
  });

  it('where all instances leave at once, the waiting ones are asked: each is released when its build has ended, the last by its own client', async () => {
    const builders = await startBuilders(3);
    for (const [index, { nodeId }] of builders.entries())
      world.nomad.run({ id: `build-${index}`, type: 'batch', on: nodeId, runSeconds: 100 * (index + 1) });
    await world.scaleIn(...builders.map(({ instanceId }) => instanceId));
    await world.deliver();
    await world.sweepFor(8 * MINUTE);

    for (const { instanceId } of builders) expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
    expect(asked().at(-1)).toBe(builders.at(-1)?.instanceId);
  });

  it('while the servers are away, instances that are marked Unhealthy terminate one after the other: no build dies, and all are released when a leader is back', async () => {
    const builders = await startBuilders(4);
    const [staying, ...leaving] = builders;
    for (const [index, { nodeId }] of leaving.entries())
      world.nomad.run({ id: `build-${index}`, type: 'batch', on: nodeId, runSeconds: 240 });
    world.nomad.clientAgents.servers = 'refuse';
    for (const { instanceId } of leaving) {
      await world.scaleIn(instanceId);
      await world.deliver().catch(() => {});
      await world.sweepOnFor(MINUTE);
    }
    expect(world.aws.completions).toEqual([]);
    expect(world.failed.concat()).toEqual([]);

    await world.nomad.clientAgents.heal();
    await world.sweepOnFor(6 * MINUTE);
    for (const { instanceId } of leaving) expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
    expect(world.completion(staying?.instanceId ?? '')).toBeUndefined();
  });

  it('while the servers are silent, each run ends in time; an order that they read later is not given twice', async () => {
    const [leaving] = await startBuilders(3);
    if (!leaving) throw new Error('no builders');
    world.nomad.run({ id: 'build', type: 'batch', on: leaving.nodeId, runSeconds: 300 });
    await world.scaleIn(leaving.instanceId);
    world.nomad.clientAgents.onRequest = (_, { method }) => {
      if (method === 'POST') world.nomad.clientAgents.servers = 'silent';
    };
    const began = world.clock.now();
    await world.deliver().catch(() => {});
    expect(world.clock.now() - began).toBeLessThan(MINUTE);
    world.nomad.clientAgents.onRequest = undefined;
    await world.wake(SWEEP).catch(() => {});
    expect(world.completion(leaving.instanceId)).toBeUndefined();

    await world.nomad.clientAgents.heal();
    await world.sweepFor(6 * MINUTE);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
    expect(world.nomad.requests.filter(({ path }) => path.endsWith('/drain'))).toHaveLength(1);
    expect(world.killedBuilds).toEqual([]);
  });

  it('where EC2 does not say which clients there are, Nomad is unanswered: nothing is released, and the reason is reported', async () => {
    const [leaving] = await startBuilders(2);
    if (!leaving) throw new Error('no builders');
    await world.scaleIn(leaving.instanceId);
    world.aws.servers.ec2.fault = () =>
      ec2Error('UnauthorizedOperation', 'You are not authorized to perform this operation.');
    await world.deliver().catch(() => {});
    await expect(world.wake(SWEEP)).rejects.toThrow(/its clients.*not authorized/);
    expect(world.completion(leaving.instanceId)).toBeUndefined();

    world.aws.servers.ec2.fault = undefined;
    await world.sweepFor(2 * MINUTE);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
  });

  it('an address is asked only while an instance of the group has it: not once another machine may have it', async () => {
    const [leaving, gone] = await startBuilders(3);
    if (!leaving || !gone) throw new Error('no builders');
    await world.wake(STATUS);
    world.aws.terminate(gone.instanceId);
    await world.advance(MINUTE);
    const before = world.nomad.requests.length;
    await world.scaleIn(leaving.instanceId);
    await world.deliver();
    await world.sweepFor(MINUTE);
    expect(asked(before)).not.toContain(gone.instanceId);
    expect(world.outcome(leaving.instanceId)).toBe('drained');
  });

  it.each([
    ['/eligibility', 'ineligible'],
    ['/eligibility', 'eligible'],
    ['/metadata', 'ineligible'],
  ])(
    'an agent that shuts down swallows an order (%s, as its node is to be %s): the node is made eligible again all the same',
    async (path, order) => {
      await start({ clients: {}, notices: { rebalance: 'cordon', restoreSeconds: 600 } });
      const [builder] = [world.addBuilder({}, { market: 'spot' }), world.addBuilder(), world.addBuilder()];
      const { clientAgents } = world.nomad;
      let swallowed = 0;
      clientAgents.onRequest = (nodeId, { method, body, path: of }) => {
        const isIt = method === 'POST' && of.endsWith(path) && (path === '/metadata' || body.includes(`"${order}"`));
        if (!isIt || swallowed > 0) return clientAgents.started(nodeId);
        swallowed += 1;
        clientAgents.shutDown(nodeId);
      };
      for (let run = 0; run < 3; run += 1)
        await world.wake(rebalanceRecommendation(builder.instanceId)).catch(() => {});
      await world.sweepOnFor(30 * MINUTE);
      expect(swallowed).toBe(1);
      const { SchedulingEligibility, Meta } = world.nomad.node(builder.nodeId);
      expect([SchedulingEligibility, Meta]).toEqual([
        'eligible',
        expect.not.objectContaining({ nomad_drain_hook_cordon: expect.anything() }),
      ]);
    },
  );
});

describe('over TLS', () => {
  it("a client is trusted by Nomad's name for clients and the configured CA", async () => {
    const authority = await Authority.create();
    const certificate = await authority.issue(['client.global.nomad', 'localhost', '127.0.0.1']);
    const [leaving] = await startBuilders(2, { clients: { certificate, ca: { parameter: '/nomad/ca' } } });
    world.aws.putParameter('/nomad/ca', authority.pem);
    await world.scaleIn(leaving?.instanceId ?? '');
    await world.deliver();
    await world.sweepFor(MINUTE);
    expect(world.outcome(leaving?.instanceId ?? '')).toBe('drained');
  });

  it('one with a certificate for another name is not', async () => {
    const authority = await Authority.create();
    const certificate = await authority.issue(['server.global.nomad']);
    const [leaving] = await startBuilders(2, { clients: { certificate, ca: { parameter: '/nomad/ca' } } });
    world.aws.putParameter('/nomad/ca', authority.pem);
    await world.scaleIn(leaving?.instanceId ?? '');
    await expect(world.wake(SWEEP)).rejects.toThrow(
      /its certificate is for DNS:server\.global\.nomad, not for client\.global\.nomad/,
    );
    expect(world.completion(leaving?.instanceId ?? '')).toBeUndefined();
  });
});

describe('an operator', () => {
  it('reads in status and doctor which client has answered', async () => {
    const [builder] = await startBuilders(1);
    const through = new RegExp(`^the Nomad client of ${builder?.instanceId} \\(http://10\\.0\\.[\\d.]+:4646\\)$`);
    expect((await world.wake(STATUS)).through).toMatch(through);
    const { findings } = await world.ask<'doctor'>({ command: 'doctor' });
    const about = (id: string) => findings.filter((finding) => finding.id === id).map(({ what }) => what);
    expect(about('nomad')[0]).toMatch(/^Nomad answers through the Nomad client of i-\w+ \(.*\), and .* leads$/);
    expect(about('certificate')[0]).toMatch(/^http:\/\/10\.0\.[\d.]+:4646 is reached without TLS/);
  });

  it('lets idle instances go first: the group that asks is the one whose clients are asked', async () => {
    await start({
      clients: {},
      anyGroup: true,
      group: { terminationPolicies: [FUNCTION_ARN, 'Default'] },
      chooses: { on: true },
    });
    const builders = Array.from({ length: 3 }, () => world.addBuilder());
    for (const { nodeId } of builders.slice(0, 2))
      world.nomad.run({ id: `build-${nodeId}`, type: 'batch', on: nodeId, runSeconds: 600 });
    await world.shrink(1);
    expect(world.aws.waiting.map(({ instanceId }) => instanceId)).toEqual([builders[2]?.instanceId]);
  });
});
