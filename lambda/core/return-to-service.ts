import { messageOf } from './message-of.ts';
import type { Ports } from './ports.ts';
import type { Termination } from './termination.ts';

/** The node of a younger drain stays ineligible, in milliseconds: what Auto Scaling says may lag behind. */
const SETTLED_MS = 120_000;

/** Makes nodes eligible again whose instances are back in service: from a warm pool, or with a new root volume. */
export async function returnToService(
  waiting: readonly Termination[],
  { terminations, drainedNodes, clock, journal }: Ports,
): Promise<void> {
  const candidates = drainedNodes
    .drainedByUs()
    .filter(({ startedAt }) => clock.now() - startedAt > SETTLED_MS)
    .filter(({ instanceId }) => !waiting.some((each) => each.instanceId === instanceId));
  if (candidates.length === 0) return;
  const stay = (fields: object, error: unknown) =>
    journal.warn('nodes of returned instances stay ineligible for now', { ...fields, because: messageOf(error) });
  const ids = candidates.map(({ instanceId }) => instanceId);
  const back = await terminations.backInService(ids).catch((error) => {
    stay({}, error);
    return new Map<string, string>();
  });
  for (const { nodeId, instanceId } of candidates) {
    const group = back.get(instanceId);
    if (group === undefined) continue;
    try {
      if (!(await drainedNodes.giveBack(nodeId))) continue;
      journal.info('node made eligible: its instance is back in service', { instanceId, nodeId, group });
    } catch (error) {
      stay({ instanceId, nodeId, group }, error);
    }
  }
}
