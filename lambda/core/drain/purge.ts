import { messageOf } from '../basics.ts';
import type { EndedNodes, Ports } from '../ports.ts';

/** A node that was removed from Nomad, because its instance was terminated. */
export interface PurgedNode {
  instanceId: string;
  nodeId: string;
}

/** Removes the nodes that we have drained, once they are down and EC2 says that their instances are terminated. Never throws. */
export async function purgeAll(ports: Ports): Promise<PurgedNode[]> {
  const { endedNodes, terminations, logger } = ports;
  if (!endedNodes) return [];
  try {
    const dead = await endedNodes.drainedByUs();
    if (dead.length === 0) return [];
    const terminated = await terminations.terminated(dead.map(({ instanceId }) => instanceId));
    return await purge(
      dead.filter(({ instanceId }) => terminated.has(instanceId)),
      endedNodes,
      ports,
    );
  } catch (error) {
    logger.warn('nodes of terminated instances stay listed for now', { because: messageOf(error) });
    return [];
  }
}

/** One node's failure keeps no other. */
async function purge(dead: readonly PurgedNode[], nodes: EndedNodes, { logger }: Ports): Promise<PurgedNode[]> {
  const purged: PurgedNode[] = [];
  for (const { nodeId, instanceId } of dead) {
    try {
      if (!(await nodes.purge(nodeId, instanceId))) continue;
      logger.info('node purged: its instance is terminated', { instanceId, nodeId });
      purged.push({ nodeId, instanceId });
    } catch (error) {
      logger.warn('a node of a terminated instance stays listed', { instanceId, nodeId, because: messageOf(error) });
    }
  }
  return purged;
}
