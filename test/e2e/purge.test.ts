import { describe, expect, it } from 'vitest';
import { start, world } from './start.ts';
import { MINUTE, SECOND, SWEEP, UNNAMED } from './world.ts';

const exists = (nodeId: string) => world.nomad.state.nodes.has(nodeId);

/** An instance leaves, and Auto Scaling says so when EC2 has terminated it. */
const leave = async ({ instanceId }: { instanceId: string }) => {
  await world.scaleIn(instanceId);
  await world.deliver();
  await world.advance(5 * MINUTE);
};

describe('the node of an instance that has been terminated', () => {
  it('stays listed as down unless purging is switched on', async () => {
    await start();
    const builder = world.addBuilder();
    await leave(builder);
    await world.sweepFor(5 * MINUTE);
    expect(world.nomad.node(builder.nodeId).Status).toBe('down');
  });

  it('is purged when Auto Scaling says that the instance is terminated', async () => {
    await start({ purge: true });
    const builder = world.addBuilder();
    await leave(builder);
    expect(world.events).toMatchObject([{ 'detail-type': 'EC2 Instance Terminate Successful' }]);

    const [report] = await world.deliver();

    const purged = { instanceId: builder.instanceId, nodeId: builder.nodeId };
    expect(report).toMatchObject({ run: 'terminated', instances: [], purged: [purged] });
    expect(exists(builder.nodeId)).toBe(false);
    expect(world.log).toContainEqual(
      expect.objectContaining({ message: 'node purged: its instance is terminated', ...purged }),
    );
  });

  it('is waited for if Nomad has not noticed yet that its client is gone', async () => {
    await start({ purge: true });
    const builder = world.addBuilder();
    await world.scaleIn(builder.instanceId);
    await world.deliver();
    while (world.events.length === 0) await world.advance(SECOND);
    world.nomad.startClient(builder.nodeId);
    world.nomad.stopClient(builder.nodeId);
    await world.deliver();
    await world.sweepFor(2 * MINUTE);
    expect(exists(builder.nodeId)).toBe(false);
  });

  it('is purged by a sweep if the event was lost', async () => {
    await start({ purge: true });
    const builder = world.addBuilder();
    world.aws.deliver = () => [];
    await world.scaleIn(builder.instanceId);
    await world.sweepFor(8 * MINUTE);
    expect(exists(builder.nodeId)).toBe(false);
  });

  it('is only named by a dry run', async () => {
    await start({ purge: true });
    const builder = world.addBuilder();
    await leave(builder);
    const [event] = world.events.splice(0);
    expect(await world.wake({ ...event, dryRun: true })).toMatchObject({ purged: [{ nodeId: builder.nodeId }] });
    expect(exists(builder.nodeId)).toBe(true);
  });
});

describe('no node is purged', () => {
  /** The event of an instance that has been terminated, as if it were about this one. */
  const pretend = async (instanceId: string) => {
    const other = world.addBuilder();
    await leave(other);
    const [event] = world.events.splice(0);
    return { ...event, detail: { ...event?.detail, EC2InstanceId: instanceId } };
  };

  it('whose instance runs, whatever an event says', async () => {
    await start({ purge: true });
    const { instanceId, nodeId } = world.addBuilder();
    await world.wake(await pretend(instanceId));
    world.nomad.stopClient(nodeId);
    await world.advance(5 * MINUTE);
    await world.wake(await pretend(instanceId));
    expect(world.nomad.node(nodeId).Status).toBe('down');
  });

  it('while EC2 does not say that its instance is terminated', async () => {
    await start({ purge: true });
    const builder = world.addBuilder();
    await leave(builder);
    world.aws.servers.ec2.fault = () => 'hang-up';
    await expect(world.deliver()).rejects.toThrow();
    await world.wake(SWEEP);
    expect(exists(builder.nodeId)).toBe(true);
    expect(world.log).toContainEqual(
      expect.objectContaining({ message: 'nodes of terminated instances stay listed for now' }),
    );
  });

  it('of another instance, which has the same address now or names itself otherwise', async () => {
    await start({ purge: true });
    const gone = world.addBuilder(UNNAMED);
    await leave(gone);
    world.events.splice(0);
    // The node that our drain names says by now that it is another instance.
    world.nomad.node(gone.nodeId).Attributes['unique.platform.aws.instance-id'] = 'i-0aaaaaaaaaaaaaaaa';
    await world.sweepFor(3 * MINUTE);
    expect(exists(gone.nodeId)).toBe(true);
  });

  it('of a group that is not served, or of an instance that has gone to the warm pool', async () => {
    await start({ purge: true });
    const builder = world.addBuilder();
    await leave(builder);
    const [event] = world.events.splice(0);
    const other = { ...event, detail: { ...event?.detail, AutoScalingGroupName: 'others' } };
    expect(await world.wake(other)).toMatchObject({ run: 'nothing', because: 'group others is not configured' });
    const pooled = { ...event, detail: { ...event?.detail, Destination: 'WarmPool' } };
    expect(await world.wake(pooled)).toMatchObject({ run: 'nothing' });
    expect(exists(builder.nodeId)).toBe(true);
  });
});
