import type { NomadNode } from './node.ts';
import type { Termination } from './termination.ts';

/** What Nomad says of the nodes of one instance. */
export type Observation =
  /** Nomad did not answer or refused; or EC2 did not answer, and only an address could lead to the node. */
  | { is: 'unanswered'; because: string }
  /** Nomad knows no node of this instance. `seen`: this run has seen one before. */
  | { is: 'absent'; seen: boolean }
  /** Several nodes have an address or name of this instance, and none says that it is the instance. */
  | { is: 'ambiguous'; nodeIds: string[] }
  /** The nodes that are this instance, those that are not down first: more than one if its agent came back under a new id. */
  | { is: 'present'; nodes: [NomadNode, ...NomadNode[]] };

/** The nodes that are the instance; none if that is not known. */
export const nodesOf = (observation: Observation): readonly NomadNode[] =>
  observation.is === 'present' ? observation.nodes : [];

/** The node that stands for the instance if there are several. */
export const nodeOf = (observation: Observation): NomadNode | undefined => nodesOf(observation)[0];

/** Since when an instance waits, as far as is known: milliseconds since the epoch. */
export function sinceOf({ since, seenSince }: Termination, nomad: Observation): number | undefined {
  // A drain for a notice began before the wait.
  const drains = nodesOf(nomad).flatMap(({ drain }) => (drain && drain.ours?.notice === undefined ? [drain] : []));
  const written = drains.flatMap(({ ours }) => ours?.waitingSince ?? []);
  return since ?? written[0] ?? drains[0]?.startedAt ?? seenSince;
}
