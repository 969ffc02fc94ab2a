import { type Decision, wait } from '../model/decision.ts';
import type { NomadNode } from '../model/node.ts';

/** What was decided about one of the nodes of an instance. */
export interface DecidedNode {
  node: NomadNode;
  decision: Decision;
}

/** One kind of order in each pass: first what is started, then what is forced, then what is changed. */
export function orderFor(decided: readonly DecidedNode[]): Decision | undefined {
  for (const how of ['start', 'force', 'shorten', 'extend', 'renew']) {
    const alike = decided.flatMap(({ decision }) =>
      decision.action === 'start-drain' && decision.order.how === how ? [decision] : [],
    );
    const [first] = alike;
    if (first) return { ...first, nodeIds: alike.flatMap(({ nodeIds }) => nodeIds) };
  }
  const cordons = decided.flatMap(({ decision }) => (decision.action === 'cordon' ? [decision] : []));
  const [first] = cordons;
  return first && { ...first, nodeIds: cordons.flatMap(({ nodeIds }) => nodeIds) };
}

/** The instance waits as long as one of its nodes does. */
export function waitFor(decided: readonly DecidedNode[]): Decision | undefined {
  const waiting = decided.flatMap(({ node, decision }) => (decision.action === 'wait' ? [{ node, decision }] : []));
  if (waiting.length === 0) return undefined;
  const stuck = waiting.flatMap(({ decision }) => decision.stuck ?? []).join('; ');
  return wait(waiting.map(({ node, decision }) => `${node.name}: ${decision.because}`).join('; '), {
    ...(stuck && { stuck }),
  });
}
