import type { EpochMs } from './clock.ts';
import type { NomadNode } from './node.ts';
import type { Termination } from './termination.ts';

/** What Nomad says of the nodes of one instance. */
export type Observation =
  /** Nomad did not answer or refused; or EC2 did not answer, and only an address could lead to the node. */
  | { is: 'unanswered'; because: string }
  /** Nomad knows no node of this instance. `seen`: this run has seen one before. */
  | { is: 'absent'; seen: boolean }
  /** Nomad knows no live node of this instance; but any of these live nodes, by their names, may be it. */
  | { is: 'unproven'; nodes: string[] }
  /** Several nodes have an address or name of this instance, and none says that it is the instance. */
  | { is: 'ambiguous'; nodeIds: string[] }
  /** The nodes that are this instance, those that are not down first: more than one if its agent came back under a new id. */
  | { is: 'present'; nodes: [NomadNode, ...NomadNode[]] };

/** The nodes that are the instance; none if that is not known. */
export const nodesOf = (observation: Observation): readonly NomadNode[] =>
  observation.is === 'present' ? observation.nodes : [];

/** The node that stands for the instance if there are several. */
export const nodeOf = (observation: Observation): NomadNode | undefined => nodesOf(observation)[0];

/** Those that are not down come first, and of these the one that drains. */
export function present(nodes: readonly NomadNode[]): Observation {
  const rank = ({ status, drain }: NomadNode) => (status === 'down' ? 2 : drain ? 0 : 1);
  const [first, ...rest] = nodes.toSorted((one, other) => rank(one) - rank(other));
  return first ? { is: 'present', nodes: [first, ...rest] } : { is: 'absent', seen: true };
}

/**
 * Since when an instance waits, as far as is known. The latest credible beginning holds. A scaling
 * activity may begin an hour before the wait, while a load balancer deregisters the instance: then what we wrote down when its drain
 * started is nearer. What was written down before the activity is of an earlier wait.
 */
export function sinceOf({ since, seenSince }: Termination, nomad: Observation): EpochMs | undefined {
  if (since === undefined) return seenSince;
  // A drain for a notice began before the wait.
  const written = nodesOf(nomad).flatMap(({ drain }) =>
    drain?.ours?.notice === undefined ? (drain?.ours?.waitingSince ?? []) : [],
  );
  return Math.max(since, ...written);
}
