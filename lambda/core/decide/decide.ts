import { say, sayAmbiguous, sayUnproven } from '../explain.ts';
import { type Circumstances, complete, type Decision, type Outcome, timedOut, wait } from '../model/decision.ts';
import { nodesOf, type Observation, sinceOf } from '../model/observation.ts';
import type { Termination } from '../model/termination.ts';
import { limits } from './deadlines.ts';
import { decideLaunch } from './decide-launch.ts';
import { decideNode } from './decide-node.ts';
import { decideNotice } from './decide-notice.ts';
import { type DecidedNode, orderFor, waitFor } from './several-nodes.ts';

/** An instance that ran for this long before its wait should have been a node: a person has to find out why it was none. */
const LONG_ENOUGH_SECONDS = 600;

/**
 * Decides when an instance may be released. Pure: its steps, and those of `decideNode`, are the rows of the decision table in
 * docs/architecture.md, in the same order. What is not known (Nomad is silent, EC2 is throttled, two nodes share an address)
 * never counts as an empty node, nor as one whose time is up.
 */
export function decide(termination: Termination, nomad: Observation, circumstances: Circumstances): Decision {
  const { notice, launch } = termination;
  if (notice) return decideNotice(notice, termination, nomad, circumstances);
  const leaving = () => decideLeaving(termination, nomad, circumstances);
  return launch ? decideLaunch(launch, termination, nomad, circumstances, leaving) : leaving();
}

function decideLeaving(termination: Termination, nomad: Observation, circumstances: Circumstances): Decision {
  const decision =
    elsewhere(termination) ??
    instanceGone(termination) ??
    unanswered(termination, nomad, circumstances) ??
    ambiguous(termination, nomad, circumstances) ??
    unproven(termination, nomad, circumstances) ??
    absent(termination, nomad, circumstances) ??
    present(termination, nomad, circumstances);
  return notHeldYet(termination, decision) ?? decision;
}

function elsewhere({ completed }: Termination): Decision | undefined {
  return completed && wait('its lifecycle action for our hook is completed: another hook of the group holds it');
}

function instanceGone({ ec2 }: Termination): Decision | undefined {
  return ec2 === 'gone' ? complete('instance-gone', 'EC2 no longer runs the instance') : undefined;
}

function unanswered(termination: Termination, nomad: Observation, circumstances: Circumstances): Decision | undefined {
  if (nomad.is !== 'unanswered') return undefined;
  const waiting = wait(nomad.because, { unserved: true });
  return atTheLast(termination, waiting, circumstances) ?? waiting;
}

function ambiguous(termination: Termination, nomad: Observation, circumstances: Circumstances): Decision | undefined {
  if (nomad.is !== 'ambiguous') return undefined;
  const because = sayAmbiguous(nomad.nodeIds);
  const failing: Decision = { action: 'error', because, stuck: because };
  return atTheLast(termination, failing, circumstances) ?? failing;
}

/** What is not proven is not believed: a person can say which nodes are no instances of these groups. */
function unproven(termination: Termination, nomad: Observation, circumstances: Circumstances): Decision | undefined {
  if (nomad.is !== 'unproven') return undefined;
  const stuck = sayUnproven(nomad.nodes);
  return atTheLast(termination, wait(stuck), circumstances) ?? wait(stuck, { unserved: true, stuck });
}

function absent(termination: Termination, nomad: Observation, { now }: Circumstances): Decision | undefined {
  if (nomad.is !== 'absent') return undefined;
  if (nomad.seen) return complete('node-lost', 'the node is gone from Nomad');
  // A wait without a date is as old as we have seen it, not older.
  const since = sinceOf(termination, nomad) ?? now;
  const { graceSeconds } = termination.policy;
  if (now - since < graceSeconds * 1000) {
    return wait('Nomad has no node of this instance; it may yet register');
  }
  const end = complete('not-a-node', `Nomad has no node of this instance after ${graceSeconds} s`);
  const upSeconds = (since - (termination.launchedAt ?? since)) / 1000;
  if (upSeconds < LONG_ENOUGH_SECONDS) return end;
  return { ...end, because: `${end.because}, though it had been up for ${say(upSeconds)}`, alarm: true };
}

/** All nodes of the instance are drained together, and it is released when the last of them is empty. */
function present(termination: Termination, nomad: Observation, circumstances: Circumstances): Decision {
  const since = sinceOf(termination, nomad) ?? circumstances.now;
  const nodes = nodesOf(nomad);
  const decided = nodes.map((node) => ({ node, decision: decideNode(node, { ...circumstances, since, termination }) }));
  const [only] = decided;
  if (only && decided.length === 1) return only.decision;
  return orderFor(decided) ?? waitFor(decided) ?? together(decided);
}

/** Of several outcomes the worst is reported. A node lost beside one that drained was an earlier identity of the agent. */
const WORST_FIRST: readonly Outcome[] = ['timed-out', 'forced', 'drained', 'node-lost'];

function together(decided: readonly DecidedNode[]): Decision {
  const ends = decided.flatMap(({ decision }) => (decision.action === 'complete' ? [decision] : []));
  const [worst] = ends.toSorted((one, other) => WORST_FIRST.indexOf(one.outcome) - WORST_FIRST.indexOf(other.outcome));
  if (!worst) throw new Error('no node has decided anything');
  return worst;
}

/** Auto Scaling is about to hold the instance for our hook: there is nothing to complete yet. */
function notHeldYet({ held, state }: Termination, decision: Decision): Decision | undefined {
  if (decision.action !== 'complete' || held) return undefined;
  return wait(`${decision.because}; Auto Scaling does not hold the instance yet (${state})`);
}

/**
 * Nothing is known of the node, so its drain may have only just begun. The instance is given up in the last sweep before Auto
 * Scaling's own cap, so that it ends as the policy says and is reported.
 */
function atTheLast(termination: Termination, { because }: Decision, { now }: Circumstances): Decision | undefined {
  const { since, seenSince, heartbeatTimeoutSeconds, policy } = termination;
  if (now < limits(since ?? seenSince ?? now, heartbeatTimeoutSeconds, policy).lastAt) return undefined;
  return timedOut(`Auto Scaling holds the instance for less than two more minutes: ${because}`, policy);
}
