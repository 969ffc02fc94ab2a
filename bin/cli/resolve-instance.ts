import { Problem } from './problem.ts';
import { count } from './terminal/words.ts';

/** An instance, and the names by which a person may mean it. */
export interface Named {
  instanceId: string;
  nodeId?: string | null;
  nodeName?: string;
}

/** How many of several are named. */
const MOST_NAMED = 5;

/**
 * The instance that is meant: see {@link instanceMeant}.
 * @param elsewhere what to do if it is none of these
 * @throws Problem if it is none of them, or more than one
 */
export function resolveInstance<Instance extends Named>(
  given: string,
  instances: readonly Instance[],
  elsewhere: Problem,
): Instance {
  const meant = instanceMeant(given, instances);
  if (!meant) throw elsewhere;
  return meant;
}

/**
 * The instance that is meant: by its id, the name of its node, the node's id, or the unique beginning of one of them; undefined if none is.
 * @throws Problem if more than one may be
 */
export function instanceMeant<Instance extends Named>(
  given: string,
  instances: readonly Instance[],
): Instance | undefined {
  const names = ({ instanceId, nodeId, nodeName }: Named) =>
    [instanceId, nodeName, nodeId].filter((name) => name != null);
  const exactly = instances.filter((instance) => names(instance).includes(given));
  const meant =
    exactly.length > 0
      ? exactly
      : instances.filter((instance) => given !== '' && names(instance).some((name) => name.startsWith(given)));
  const [only, ...others] = meant;
  if (others.length === 0) return only;
  const some = meant.slice(0, MOST_NAMED).map(({ instanceId, nodeName }) => `${instanceId} (${nodeName ?? 'no node'})`);
  const more = meant.length > MOST_NAMED ? ` and ${meant.length - MOST_NAMED} more` : '';
  throw new Problem(
    `${given} may be any of ${count(meant.length, 'instance')}: ${some.join(', ')}${more}`,
    'Give more of the id, or the whole name of the node.',
  );
}
