import { describe, expect, it } from 'vitest';
import { MINUTE, SWEEP, UNNAMED } from '../../emulators/world/world.ts';
import { start, world } from './start.ts';

const exists = (nodeId: string) => world.nomad.state.nodes.has(nodeId);

/** An instance leaves, and EC2 terminates it. */
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

  it('is purged by a sweep, once Nomad has noticed that its client is gone', async () => {
    await start({ purge: true });
    const builder = world.addBuilder();
    await world.scaleIn(builder.instanceId);
    await world.deliver();

    await world.sweepFor(8 * MINUTE);

    const purged = { instanceId: builder.instanceId, nodeId: builder.nodeId };
    expect(world.reports.flatMap((report) => report.purged ?? [])).toEqual([purged]);
    expect(exists(builder.nodeId)).toBe(false);
    expect(world.log).toContainEqual(
      expect.objectContaining({ message: 'node purged: its instance is terminated', ...purged }),
    );
  });
});

describe('no node is purged', () => {
  it('whose instance runs, though it is down and was drained for it', async () => {
    await start({ purge: true });
    const { instanceId, nodeId } = world.addBuilder();
    world.aws.addHook('builders', { name: 'another', heartbeatTimeoutSeconds: 1800, defaultResult: 'CONTINUE' });
    await world.scaleIn(instanceId);
    await world.deliver();
    world.nomad.stopClient(nodeId);

    await world.sweepFor(5 * MINUTE);

    expect(world.nomad.node(nodeId).Status).toBe('down');
  });

  it('while EC2 does not say that its instance is terminated', async () => {
    await start({ purge: true });
    const builder = world.addBuilder();
    await leave(builder);
    world.aws.servers.ec2.fault = () => 'hang-up';
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
    // The node that our drain names says by now that it is another instance.
    world.nomad.node(gone.nodeId).Attributes['unique.platform.aws.instance-id'] = 'i-0aaaaaaaaaaaaaaaa';
    await world.sweepFor(3 * MINUTE);
    expect(exists(gone.nodeId)).toBe(true);
  });
});
