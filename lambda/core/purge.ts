import { messageOf } from './message-of.ts';
import type { DeadNodes, Ports, RunOptions } from './ports.ts';

/** How long to wait for Nomad to notice that a client is gone, before it is asked again, in milliseconds. */
const NOTICE_MS = 5_000;

/** A node that was removed from Nomad, because its instance was terminated. */
export interface PurgedNode {
  instanceId: string;
  nodeId: string;
}

/** Removes the nodes that we have drained, once they are down and EC2 says that their instances are terminated. Never throws. */
export async function purgeAll(ports: Ports): Promise<PurgedNode[]> {
  const { deadNodes, terminations, journal } = ports;
  if (!deadNodes) return [];
  try {
    const dead = await deadNodes.drainedByUs();
    if (dead.length === 0) return [];
    const terminated = await terminations.terminated(dead.map(({ instanceId }) => instanceId));
    return await purge(
      dead.filter(({ instanceId }) => terminated.has(instanceId)),
      deadNodes,
      ports,
    );
  } catch (error) {
    journal.warn('nodes of terminated instances stay listed for now', { because: messageOf(error) });
    return [];
  }
}

/**
 * Removes the nodes of one instance that has been terminated. Nomad notices some seconds later that its client is gone: until
 * then the nodes are looked at again, until the run ends.
 * @param until when to stop, milliseconds since the epoch
 * @param dryRun only say which would be removed now
 * @throws Error if Nomad or EC2 does not answer
 */
export async function purgeOne(
  instanceId: string,
  ports: Ports,
  { until, dryRun }: Omit<RunOptions, 'policy'>,
): Promise<PurgedNode[]> {
  const { deadNodes, terminations, clock } = ports;
  if (!deadNodes) return [];
  const purged: PurgedNode[] = [];
  for (;;) {
    const nodes = await deadNodes.ofInstance(instanceId);
    if (nodes.length === 0 || !(await terminations.terminated([instanceId])).has(instanceId)) return purged;
    const down = nodes.filter((each) => each.down).map(({ nodeId }) => ({ nodeId, instanceId }));
    if (dryRun) return down;
    purged.push(...(await purge(down, deadNodes, ports)));
    if (nodes.every((each) => each.down) || clock.now() + NOTICE_MS > until) return purged;
    await clock.sleep(NOTICE_MS);
  }
}

/** One node's failure keeps no other. */
async function purge(dead: readonly PurgedNode[], nodes: DeadNodes, { journal }: Ports): Promise<PurgedNode[]> {
  const purged: PurgedNode[] = [];
  for (const { nodeId, instanceId } of dead) {
    try {
      if (!(await nodes.purge(nodeId, instanceId))) continue;
      journal.info('node purged: its instance is terminated', { instanceId, nodeId });
      purged.push({ nodeId, instanceId });
    } catch (error) {
      journal.warn('a node of a terminated instance stays listed', { instanceId, nodeId, because: messageOf(error) });
    }
  }
  return purged;
}
