import type { InstanceReport } from '../../lambda/core/drain/report.ts';
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

/** That no waiting instance is the one that is meant. Where Nomad does not answer, the names of nodes are not known. */
export function noWaiting(given: string, held: readonly InstanceReport[]): Problem {
  const unnamed = held.filter(({ nodeName, unserved }) => unserved && nodeName === undefined);
  const [first] = unnamed;
  if (!first || given.startsWith('i-')) {
    return new Problem(`no waiting instance matches ${given}`, 'List them with: nomad-drain-hook status');
  }
  const ids = unnamed.map(({ instanceId }) => instanceId).join(', ');
  return new Problem(
    `it is not known whether a waiting instance is ${given}: of ${ids} the node is not known (${first.because})`,
    'Name the instance by its id.',
  );
}

/** That the node of an instance is not known, because Nomad or AWS did not answer. */
export const nodeUnknown = ({ instanceId, because }: InstanceReport): Problem =>
  new Problem(`it is not known which node is ${instanceId}: ${because}`, 'Try again when Nomad answers.');
