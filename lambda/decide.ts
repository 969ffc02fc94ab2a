import { decideNode } from './decide-node.ts';
import { type Circumstances, complete, type Decision, type Outcome, timedOut, wait } from './decision.ts';
import { say } from './explain.ts';
import { type NomadNode, nodesOf, type Observation } from './nomad/node.ts';
import type { Termination } from './termination.ts';
import { limits } from './time.ts';

/** An instance that ran for so long before it had to go should have been a node: somebody has to look why it was none. */
const LONG_ENOUGH_SECONDS = 600;

/**
 * Decides when an instance may die. Pure: its steps, and those of `decideNode`, are the rows of the decision table in
 * docs/architecture.md, in the same order. What is not known (Nomad is silent, EC2 is throttled, two nodes share an address)
 * is never taken for an empty node, and never for a late one.
 */
export function decide(termination: Termination, nomad: Observation, circumstances: Circumstances): Decision {
  const decision =
    instanceGone(termination) ??
    unanswered(termination, nomad, circumstances) ??
    ambiguous(termination, nomad, circumstances) ??
    absent(termination, nomad, circumstances) ??
    present(termination, nomad, circumstances);
  return notHeldYet(termination, decision) ?? decision;
}

function instanceGone({ ec2 }: Termination): Decision | undefined {
  return ec2 === 'gone' ? complete('instance-gone', 'EC2 no longer runs the instance') : undefined;
}

function unanswered(termination: Termination, nomad: Observation, circumstances: Circumstances): Decision | undefined {
  if (nomad.is !== 'unanswered') return undefined;
  const waiting = wait(nomad.because, { alarm: true, unserved: true });
  return atTheLast(termination, waiting, circumstances) ?? waiting;
}

function ambiguous(termination: Termination, nomad: Observation, circumstances: Circumstances): Decision | undefined {
  if (nomad.is !== 'ambiguous') return undefined;
  const because = `more than one node may be this instance: ${nomad.nodeIds.toSorted().join(', ')}`;
  const failing: Decision = { action: 'error', because, stuck: because };
  return atTheLast(termination, failing, circumstances) ?? failing;
}

function absent(termination: Termination, nomad: Observation, { now, policy }: Circumstances): Decision | undefined {
  if (nomad.is !== 'absent') return undefined;
  if (nomad.seen) return complete('node-lost', 'the node is gone from Nomad');
  // A wait that nobody can date is as old as we have seen it, not older.
  const since = sinceOf(termination, nomad) ?? now;
  if (now - since < policy.graceSeconds * 1000) {
    return wait('Nomad has no node of this instance; it may yet register');
  }
  const end = complete('not-a-node', `Nomad has no node of this instance after ${policy.graceSeconds} s`);
  const upSeconds = (since - (termination.launchedAt ?? since)) / 1000;
  if (upSeconds < LONG_ENOUGH_SECONDS) return end;
  return { ...end, because: `${end.because}, though it had been up for ${say(upSeconds)}`, alarm: true };
}

/** All nodes that are the instance are drained together, and it goes when the last of them is empty. */
function present(termination: Termination, nomad: Observation, circumstances: Circumstances): Decision {
  const since = sinceOf(termination, nomad) ?? circumstances.now;
  const nodes = nodesOf(nomad);
  const decided = nodes.map((node) => ({ node, decision: decideNode(node, { ...circumstances, since, termination }) }));
  const [only] = decided;
  if (only && decided.length === 1) return only.decision;
  return orderFor(decided) ?? waitFor(decided) ?? together(decided);
}

interface Decided {
  node: NomadNode;
  decision: Decision;
}

/** One order a look: what is started comes before what is forced, and a renewal last. */
function orderFor(decided: readonly Decided[]): Decision | undefined {
  for (const how of ['start', 'force', 'renew']) {
    const alike = decided.flatMap(({ decision }) =>
      decision.action === 'start-drain' && decision.order.how === how ? [decision] : [],
    );
    const [first] = alike;
    if (first) return { ...first, nodeIds: alike.flatMap(({ nodeIds }) => nodeIds) };
  }
  return undefined;
}

function waitFor(decided: readonly Decided[]): Decision | undefined {
  const waiting = decided.flatMap(({ node, decision }) => (decision.action === 'wait' ? [{ node, decision }] : []));
  if (waiting.length === 0) return undefined;
  const stuck = waiting.flatMap(({ decision }) => decision.stuck ?? []).join('; ');
  return wait(waiting.map(({ node, decision }) => `${node.name}: ${decision.because}`).join('; '), {
    ...(waiting.some(({ decision }) => decision.alarm) && { alarm: true }),
    ...(stuck && { stuck }),
  });
}

/** Of several ends the worst is told: a node that is lost beside one that drained was only an earlier life of its agent. */
const WORST_FIRST: readonly Outcome[] = ['timed-out', 'forced', 'drained', 'node-lost'];

function together(decided: readonly Decided[]): Decision {
  const ends = decided.flatMap(({ decision }) => (decision.action === 'complete' ? [decision] : []));
  const [worst] = ends.toSorted((one, other) => WORST_FIRST.indexOf(one.outcome) - WORST_FIRST.indexOf(other.outcome));
  if (!worst) throw new Error('no node has decided anything');
  return worst;
}

/** Auto Scaling has said that the instance goes, and is not yet at the point where it can be told to go on. */
function notHeldYet({ held, state }: Termination, decision: Decision): Decision | undefined {
  if (decision.action !== 'complete' || held) return undefined;
  return wait(`${decision.because}; Auto Scaling does not hold the instance yet (${state})`);
}

/**
 * Nothing is known of the node, so nothing says when its drain ends: it may have begun just now. The instance is given up in
 * the last sweep before Auto Scaling itself gives it up, so that it goes as the policy says and is reported.
 */
function atTheLast(
  termination: Termination,
  { because }: Decision,
  { now, policy }: Circumstances,
): Decision | undefined {
  const { since, seenSince, heartbeatTimeoutSeconds } = termination;
  if (now < limits(since ?? seenSince ?? now, heartbeatTimeoutSeconds, policy).lastAt) return undefined;
  return timedOut(`Auto Scaling holds the instance for less than two more minutes: ${because}`, policy);
}

/** Since when an instance waits, as far as anybody can tell: milliseconds since the epoch. */
export function sinceOf({ since, seenSince }: Termination, nomad: Observation): number | undefined {
  const drains = nodesOf(nomad).flatMap(({ drain }) => drain ?? []);
  const written = drains.flatMap(({ ours }) => ours?.waitingSince ?? []);
  return since ?? written[0] ?? drains[0]?.startedAt ?? seenSince;
}
