import { describe, expect, it } from 'vitest';
import { MINUTE, SECOND, STATUS, SWEEP } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const drainRequests = () => world.nomad.requests.filter(({ path }) => path.endsWith('/drain')).length;

describe('another tool that drains first', () => {
  it('keeps its drain and its deadline, and the instance is let go when that drain is done', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 200 });
    const drain = { DrainSpec: { Deadline: 1800e9, IgnoreSystemJobs: false }, Meta: { message: 'maintenance' } };
    await fetch(`${world.nomad.url}/v1/node/${nodeId}/drain`, { method: 'POST', body: JSON.stringify(drain) });
    const forceDeadline = world.nomad.node(nodeId).DrainStrategy?.ForceDeadline;

    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(2 * MINUTE);

    expect(world.nomad.node(nodeId).DrainStrategy?.ForceDeadline).toBe(forceDeadline);
    expect(world.completion(instanceId)).toBeUndefined();
    await world.sweepFor(3 * MINUTE);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(drainRequests()).toBe(1);
    expect(world.killedBuilds).toEqual([]);
  });
});

describe('a client that is cut off from its servers', () => {
  it('is waited for while its builds are unknown, and let go when it is back and they have ended', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    const [build = ''] = world.nomad.run({
      id: 'build',
      type: 'batch',
      on: nodeId,
      runSeconds: 400,
      lostAfterSeconds: 3600,
    });
    await world.scaleIn(instanceId);
    await world.deliver();
    world.nomad.stopClient(nodeId);

    await world.sweepFor(5 * MINUTE);
    expect(world.nomad.node(nodeId).Status).toBe('disconnected');
    expect(world.nomad.allocation(build).ClientStatus).toBe('unknown');
    expect(world.completion(instanceId)).toBeUndefined();

    world.nomad.startClient(nodeId);
    await world.sweepFor(4 * MINUTE);
    expect(world.nomad.allocation(build).ClientStatus).toBe('complete');
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(world.killedBuilds).toEqual([]);
  });
});

describe('a node that leaves Nomad', () => {
  it('by a purge after it was seen is lost, and its instance is let go in the same run', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 3600 });
    await world.scaleIn(instanceId);
    await world.deliver();
    world.clock.after(30 * SECOND, () => world.nomad.removeNode(nodeId));

    await world.sweepFor(3 * MINUTE);

    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(['node-lost', 'not-a-node']).toContain(world.outcome(instanceId));
  });
});

describe('an instance that scales in while it still boots', () => {
  it('is drained as soon as its node registers, within the grace period', async () => {
    await start();
    const instanceId = world.aws.addInstance('builders');
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(MINUTE);
    expect(world.completion(instanceId)).toBeUndefined();

    const node = world.nomad.addNode({ instanceId, address: world.aws.instance(instanceId).privateIp });
    world.nomad.run({ id: 'build', type: 'batch', on: node.id, runSeconds: 300 });
    await world.sweepFor(2 * MINUTE);
    expect(world.nomad.node(node.id).Drain).toBe(true);
    expect(world.completion(instanceId)).toBeUndefined();

    await world.sweepFor(6 * MINUTE);
    expect(world.completion(instanceId)).toMatchObject({ by: 'call' });
    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });
});

describe('system jobs', () => {
  it('are stopped last and waited for', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 100 });
    const [logs = ''] = world.nomad.run({
      id: 'logs',
      type: 'system',
      on: nodeId,
      stopSeconds: 45,
      killTimeoutSeconds: 60,
    });
    await world.scaleIn(instanceId);
    await world.deliver();

    await world.sweepFor(5 * MINUTE);

    const stopped = world.nomad.allocation(logs);
    expect(stopped.ClientStatus).toBe('complete');
    expect(world.completion(instanceId)?.at).toBeGreaterThanOrEqual(stopped.ModifyTime / 1e6);
  });

  it('run on and keep nobody waiting where the policy ignores them', async () => {
    await start({ policy: { ignoreSystemJobs: true } });
    const { instanceId, nodeId } = world.addBuilder();
    const [logs = ''] = world.nomad.run({ id: 'logs', type: 'system', on: nodeId });
    await world.scaleIn(instanceId);

    const [report] = await world.deliver();

    expect(report?.instances).toMatchObject([{ instanceId, action: 'complete', outcome: 'drained' }]);
    expect(world.nomad.allocation(logs).DesiredStatus).toBe('run');
  });
});

describe('a CSI plugin', () => {
  it('serves the builds on its node to their end and is waited for', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 100 });
    const [plugin = ''] = world.nomad.run({
      id: 'ebs',
      type: 'system',
      csiPlugin: true,
      on: nodeId,
      stopSeconds: 20,
      killTimeoutSeconds: 30,
    });
    await world.scaleIn(instanceId);
    await world.deliver();
    await world.sweepFor(MINUTE);
    expect(world.nomad.allocation(plugin).ClientStatus).toBe('running');

    await world.sweepFor(4 * MINUTE);

    const stopped = world.nomad.allocation(plugin);
    expect(stopped.ClientStatus).toBe('complete');
    expect(world.completion(instanceId)?.at).toBeGreaterThanOrEqual(stopped.ModifyTime / 1e6);
    expect(world.killedBuilds).toEqual([]);
  });
});

describe('a token', () => {
  const TOKEN = { token: { parameter: '/nomad/drain-token' } };
  const POLICY = 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }';
  const NARROW = 'node { policy = "write" }\nnamespace "default" { capabilities = ["read-job"] }';

  const withToken = async (make: () => string) => {
    await start({ acl: true, nomad: TOKEN, policy: { killMarginSeconds: 120 } });
    world.aws.putParameter('/nomad/drain-token', make(), 'SecureString');
    const { instanceId, nodeId } = world.addBuilder();
    world.nomad.namespace('team');
    const [build = ''] = world.nomad.run({ id: 'build', type: 'batch', namespace: 'team', on: nodeId, runSeconds: 90 });
    await world.scaleIn(instanceId);
    await world.deliver();
    return { instanceId, nodeId, build };
  };

  it.each([
    [
      'by a policy',
      () => {
        world.nomad.policy('drainer', POLICY);
        return world.nomad.token({ policies: ['drainer'] });
      },
    ],
    [
      'by a role',
      () => {
        world.nomad.policy('drainer', POLICY);
        world.nomad.role('drainers', ['drainer']);
        return world.nomad.token({ roles: ['drainers'] });
      },
    ],
    ['as a management token', () => world.nomad.token({ type: 'management' })],
  ])('that may see every namespace %s waits for the build and for nothing more', async (_, make) => {
    const { instanceId, build } = await withToken(make);

    await world.sweepFor(3 * MINUTE);

    const ended = world.nomad.allocation(build).ModifyTime / 1e6;
    const { at = 0 } = world.completion(instanceId) ?? {};
    expect(at).toBeGreaterThanOrEqual(ended);
    expect(at - ended).toBeLessThanOrEqual(MINUTE);
    expect((await world.wake(STATUS)).warnings).toEqual([]);
  });

  it.each([
    [
      'by a policy',
      () => {
        world.nomad.policy('drainer', NARROW);
        return world.nomad.token({ policies: ['drainer'] });
      },
    ],
    [
      'by a role',
      () => {
        world.nomad.policy('drainer', NARROW);
        world.nomad.role('drainers', ['drainer']);
        return world.nomad.token({ roles: ['drainers'] });
      },
    ],
  ])('that is blind to a namespace %s is said so, and the kill margin is waited for', async (_, make) => {
    const { instanceId, nodeId } = await withToken(make);

    const report = await world.wake(SWEEP);
    expect(report.warnings.join()).toContain('lacks: namespace "*" { capabilities = ["read-job"] }');
    await world.sweepFor(6 * MINUTE);

    const completed = Date.parse(world.nomad.node(nodeId).LastDrain?.UpdatedAt ?? '');
    const { at = 0 } = world.completion(instanceId) ?? {};
    expect(at - completed).toBeGreaterThanOrEqual(2 * MINUTE);
    expect(world.killedBuilds).toEqual([]);
  });
});
