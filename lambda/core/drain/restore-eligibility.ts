import pMap from 'p-map';
import { messageOf } from '../basics.ts';
import type { Termination } from '../model/termination.ts';
import type { IneligibleNode, Ports } from '../ports.ts';

/** A node that was drained later stays ineligible, in milliseconds: what Auto Scaling says may lag behind. */
const SETTLED_MS = 30_000;
/** Nodes made eligible at once: a client that does not answer holds up few others, and leaves connections to the passes. */
const CONCURRENCY = 4;

/**
 * Makes nodes eligible again whose instances are in service: back from a warm pool, or with a new root volume, or still, some time
 * after a notice that they would go.
 */
export async function restoreEligibility(
  waiting: readonly Termination[],
  { terminations, eligibility, clock, logger }: Ports,
): Promise<void> {
  const stay = (fields: object, error: unknown) =>
    logger.warn('nodes of returned instances stay ineligible for now', { ...fields, because: messageOf(error) });
  const wait = new Set(waiting.map(({ instanceId }) => instanceId));
  const list = async () =>
    (await eligibility.list())
      .filter(({ since, restoreAt = since + SETTLED_MS }) => clock.now() > restoreAt)
      .filter(({ instanceId }) => !wait.has(instanceId));
  const candidates = await list().catch((error) => {
    stay({}, error);
    return [];
  });
  if (candidates.length === 0) return;
  const ids = candidates.map(({ instanceId }) => instanceId);
  const back = await terminations.backInService(ids).catch((error) => {
    stay({}, error);
    return new Map<string, string>();
  });
  const restore = async (taken: IneligibleNode) => {
    const { nodeId, instanceId } = taken;
    const group = back.get(instanceId);
    if (group === undefined) return;
    try {
      if (!(await eligibility.restore(taken))) return;
      logger.info('node made eligible: its instance is in service', { instanceId, nodeId, group });
    } catch (error) {
      stay({ instanceId, nodeId, group }, error);
    }
  };
  await pMap(candidates, restore, { concurrency: CONCURRENCY });
}
