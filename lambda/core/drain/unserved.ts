import { named } from '../explain.ts';
import { type Logger, UNKNOWN } from '../ports.ts';
import type { InstanceReport, Result } from './report.ts';

/** The instances that a run could not serve, by the reason; one sentence serves all that have the same. */
const byReason = (unserved: readonly InstanceReport[]) =>
  [...Map.groupBy(unserved, ({ because }) => because)].map(([because, instances]) => {
    const ids = named(instances.map(({ instanceId }) => instanceId));
    return { because, instances, ids };
  });

/** Why the run fails for instances that it could not serve; nothing if it could serve them all. */
export function sayUnserved({ instances, unserved }: Pick<Result, 'instances' | 'unserved'>): string[] {
  if (unserved.length === 0) return [];
  const reasons = byReason(unserved).map(({ because, ids }) => `${ids}: ${because}`);
  const said = named(reasons, { between: '; ', what: ' reasons' });
  return [`${unserved.length} of ${instances.length} instances not served: ${said}`];
}

/** How many reasons are logged: the last record of a run names each instance. */
const MOST_LOGGED = 20;

/** Logs these, once a run. */
export function logUnserved(unserved: readonly InstanceReport[], logger: Logger): void {
  for (const { because, instances, ids } of byReason(unserved).slice(0, MOST_LOGGED)) {
    const group = named([...new Set(instances.map((each) => each.group))]);
    const [{ nodeId } = { nodeId: null }] = instances;
    const about = { instanceId: ids, nodeId: (instances.length === 1 && nodeId) || UNKNOWN, group };
    logger.error('instance cannot be served', { ...about, instances: instances.length, because });
  }
}
