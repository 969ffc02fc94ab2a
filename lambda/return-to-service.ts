import { messageOf } from './errors.ts';
import type { Ports } from './ports.ts';
import type { Termination } from './termination.ts';

/** A drain younger than this is never taken back, in milliseconds: what Auto Scaling says may lag behind. */
const SETTLED_MS = 120_000;

/** Makes the nodes of instances eligible that have come back: from a warm pool, or with a new root volume. */
export async function returnToService(
  waiting: readonly Termination[],
  { terminations, nodes, clock, journal }: Ports,
): Promise<void> {
  const gone = nodes
    .drainedByUs()
    .filter(({ startedAt }) => clock.now() - startedAt > SETTLED_MS)
    .filter(({ instanceId }) => !waiting.some((each) => each.instanceId === instanceId));
  if (gone.length === 0) return;
  try {
    const back = await terminations.backInService(gone.map(({ instanceId }) => instanceId));
    for (const { nodeId, instanceId } of gone) {
      const group = back.get(instanceId);
      if (group === undefined) continue;
      await nodes.makeEligible(nodeId);
      journal.info('node made eligible: its instance is back in service', { instanceId, nodeId, group });
    }
  } catch (error) {
    journal.warn('nodes of returned instances stay ineligible for now', { because: messageOf(error) });
  }
}
