import { describe, expect, it } from 'vitest';
import { ec2Error } from '../../emulators/aws/services.ts';
import { HOUR, MINUTE, SWEEP, UNNAMED, type World } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

/** Nomad clients whose fingerprint of EC2 failed at boot: what they call themselves, and where their instance is. */
const unnamed: [string, Parameters<World['addBuilder']>[0], Parameters<World['addBuilder']>[1]][] = [
  ['at its address', UNNAMED, {}],
  [
    'by the first label of its DNS name, at an address that EC2 does not know',
    { ...UNNAMED, name: 'ip-10-0-5-7', address: '172.17.0.1' },
    { privateIp: '10.0.5.7' },
  ],
  [
    'by its DNS name in full',
    { ...UNNAMED, name: 'ip-10-0-5-8.ec2.internal', address: '172.17.0.1' },
    { privateIp: '10.0.5.8' },
  ],
  [
    'at the address of a second interface',
    { ...UNNAMED, address: '10.1.0.9' },
    { secondInterface: { privateIp: '10.1.0.9' } },
  ],
  [
    'at the last of forty addresses',
    { ...UNNAMED, address: '10.1.1.40' },
    { secondInterface: { privateIp: '10.1.1.1', more: Array.from({ length: 39 }, (_, n) => `10.1.1.${n + 2}`) } },
  ],
  ['at its IPv6 address', { ...UNNAMED, address: 'fd00:ec2::5' }, { ipv6: 'fd00:ec2::5' }],
  [
    'at the IPv6 address of a second interface',
    { ...UNNAMED, address: 'fd00:ec2::6' },
    { secondInterface: { privateIp: '10.1.0.10', ipv6: 'fd00:ec2::6' } },
  ],
  [
    'by the id of an instance that has no IPv4 address',
    { ...UNNAMED, name: 'i-0aaaaaaaaaaaaaaaa', address: '172.17.0.1' },
    { id: 'i-0aaaaaaaaaaaaaaaa', ipv6Only: true, ipv6: 'fd00:ec2::7' },
  ],
  [
    'by its host name, at the address that it advertises alone',
    { ...UNNAMED, address: '10.0.5.9', attributes: { 'unique.network.ip-address': '172.17.0.1' } },
    { privateIp: '10.0.5.9' },
  ],
];

describe('a client that does not say which instance it is', () => {
  it.each(unnamed)('is found %s, and its build finishes', async (_, node, instance) => {
    await start();
    const { instanceId, nodeId } = world.addBuilder(node, instance);
    world.addBuilder();
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 600 });
    await world.advance(HOUR);
    await world.scaleIn(instanceId);

    await world.sweepFor(12 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  it('is found again when its agent is away, though addresses are used again and a node that is down has none', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder(UNNAMED);
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 1200, lostAfterSeconds: 3600 });
    await world.advance(10 * MINUTE);
    world.nomad.stopClient(nodeId);
    await world.advance(MINUTE);
    world.nomad.node(nodeId).Status = 'down';
    await world.scaleIn(instanceId);

    await world.sweepFor(5 * MINUTE);
    expect(world.completion(instanceId)).toBeUndefined();
    world.nomad.startClient(nodeId);
    await world.sweepFor(10 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  it('is found beside its earlier life that did name the instance', async () => {
    await start();
    const { instanceId, nodeId } = world.addBuilder();
    const { privateIp } = world.aws.instance(instanceId);
    world.nomad.stopClient(nodeId);
    const anew = world.nomad.addNode({ address: privateIp });
    world.nomad.run({ id: 'build', type: 'batch', on: anew.id, runSeconds: 600 });
    await world.advance(2 * MINUTE);
    await world.scaleIn(instanceId);

    await world.sweepFor(12 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  it('is not taken for the instance that has its address now, once it is down', async () => {
    await start();
    const before = world.nomad.addNode({ address: '10.0.5.7' });
    world.nomad.killInstance(before.id);
    await world.advance(10 * MINUTE);
    const instanceId = world.aws.addInstance('builders', { privateIp: '10.0.5.7' });
    await world.scaleIn(instanceId);

    await world.sweepFor(4 * MINUTE);

    expect(world.outcome(instanceId)).toBe('not-a-node');
  });

  it('is looked for by its address too where a meta key is configured that it does not have', async () => {
    await start({ nomad: { nodeMetaKey: 'instance' } });
    const instanceId = world.aws.addInstance('builders', { privateIp: '10.0.5.7' });
    const silent = world.nomad.addNode({ address: '10.0.5.7' });
    await world.scaleIn(instanceId);

    await world.sweepFor(4 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.nomad.node(silent.id).LastDrain).not.toBeNull();
  });
});

describe('EC2 that does not say where an instance is', () => {
  it.each([
    ['throttled', () => ec2Error('RequestLimitExceeded', 'Request limit exceeded.', 503)],
    ['denied', () => ec2Error('UnauthorizedOperation', 'You are not authorized to perform this operation.', 403)],
  ])('because it is %s makes nobody absent: the instance is kept, and the run fails', async (_, fault) => {
    await start();
    const { instanceId, nodeId } = world.addBuilder(UNNAMED);
    world.nomad.run({ id: 'build', type: 'batch', on: nodeId, runSeconds: 1800 });
    world.aws.servers.ec2.fault = fault;
    await world.scaleIn(instanceId);

    for (let minute = 0; minute < 10; minute++) {
      await expect(world.sweepFor(MINUTE)).rejects.toThrow(`1 of 1 instances not served: ${instanceId}`);
    }
    expect(JSON.stringify(world.log)).toContain('EC2 does not report its addresses');
    world.aws.servers.ec2.fault = undefined;
    await world.sweepFor(30 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.killedBuilds).toEqual([]);
  });

  it('does not matter where the node names its instance itself', async () => {
    await start();
    const { instanceId } = world.addBuilder();
    world.aws.servers.ec2.fault = () => ec2Error('RequestLimitExceeded', 'Request limit exceeded.', 503);
    await world.scaleIn(instanceId);

    await world.wake(SWEEP);

    expect(world.outcome(instanceId)).toBe('drained');
  });

  it('is asked again for as long as a contended Auto Scaling is', async () => {
    await start();
    const { instanceId } = world.addBuilder(UNNAMED);
    let left = 6;
    world.aws.servers.ec2.fault = () =>
      left-- > 0 ? ec2Error('RequestLimitExceeded', 'Request limit exceeded.', 503) : undefined;
    await world.scaleIn(instanceId);

    await world.wake(SWEEP);

    expect(world.outcome(instanceId)).toBe('drained');
  });
});

describe('an instance without a node', () => {
  it('is given its grace from when it was first seen to wait, where nobody can date the wait', async () => {
    await start({ policy: { graceSeconds: 120 } });
    const instanceId = world.aws.addInstance('builders');
    world.aws.servers.autoScaling.fault = ({ body }) =>
      body.includes('DescribeScalingActivities') ? { status: 403, body: '' } : undefined;
    await world.scaleIn(instanceId);
    await world.advance(10 * MINUTE);

    await world.sweepFor(2 * MINUTE);
    expect(world.completion(instanceId)).toBeUndefined();
    const node = world.nomad.addNode({ instanceId });
    await world.sweepFor(2 * MINUTE);

    expect(world.outcome(instanceId)).toBe('drained');
    expect(world.nomad.node(node.id).LastDrain).not.toBeNull();
  });

  it('that was in service for long is reported as an error when it is released', async () => {
    await start();
    const instanceId = world.aws.addInstance('builders');
    await world.advance(HOUR);
    await world.scaleIn(instanceId);

    await world.sweepFor(4 * MINUTE);

    const end = world.log.find(({ message, outcome }) => message === 'instance released' && outcome === 'not-a-node');
    expect(end).toMatchObject({ level: 'error', because: expect.stringContaining('though it had been up for 1 h') });
    expect(world.printed.join()).toContain('"NodeMissing":1');
  });
});
