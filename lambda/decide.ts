import type { Policy } from './config.ts';
import { count, names, stuckFor } from './explain.ts';
import { type Allocation, type Drain, type NomadNode, type Observation, remaining } from './nomad/node.ts';
import type { Termination } from './termination.ts';
import { drainDeadlineSeconds, limits, SWEEP_SECONDS } from './time.ts';

/** How a wait ended. */
export type Outcome = 'drained' | 'forced' | 'node-lost' | 'not-a-node' | 'instance-gone' | 'timed-out';

/**
 * How to ask Nomad for a drain: for the first time; once more with what is left of the same deadline, which makes Nomad
 * look again; or by force, which kills what still runs.
 */
export type DrainOrder = { how: 'start' | 'renew'; deadlineSeconds: number } | { how: 'force' };

/** What to do with one waiting instance, and why, in a sentence for an operator. */
export type Decision =
  | { action: 'start-drain'; because: string; order: DrainOrder }
  /**
   * `alarm`: somebody must look. `unserved`: and the run has failed this instance. `stuck`: what will not pass by itself, in
   * words that stay the same while it lasts.
   */
  | { action: 'wait'; because: string; alarm?: boolean; unserved?: boolean; stuck?: string }
  | { action: 'complete'; because: string; outcome: Outcome; result: 'CONTINUE' | 'ABANDON' }
  | { action: 'error'; because: string; stuck?: string };

/** What else a decision rests on. */
export interface Circumstances {
  /** Milliseconds since the epoch. */
  now: number;
  policy: Policy;
  /** The token may read the jobs of every namespace: an empty list of allocations then means an empty node. */
  seesEveryNamespace: boolean;
}

/**
 * Decides when an instance may die. Pure: one row for each situation of the decision table in docs/architecture.md.
 */
export function decide(termination: Termination, nomad: Observation, circumstances: Circumstances): Decision {
  if (termination.ec2 === 'gone') return complete('instance-gone', 'EC2 no longer runs the instance');

  const decision = pressed(judge(termination, nomad, circumstances), termination, nomad, circumstances);
  if (decision.action === 'complete' && !termination.held) {
    return wait(`${decision.because}; Auto Scaling does not hold the instance yet (${termination.state})`);
  }
  return decision;
}

/** The situation as Nomad shows it, with all the time in the world. */
function judge(termination: Termination, nomad: Observation, circumstances: Circumstances): Decision {
  const { now, policy } = circumstances;
  switch (nomad.is) {
    case 'unanswered':
      return { ...wait(nomad.because), alarm: true, unserved: true };

    case 'ambiguous': {
      const because = `more than one node is this instance: ${nomad.nodeIds.toSorted().join(', ')}`;
      return { action: 'error', because, stuck: because };
    }

    case 'absent': {
      if (nomad.seen) return complete('node-lost', 'the node is gone from Nomad');
      // A wait that nobody can date is an old one: its event was lost.
      const age = now - (termination.since ?? 0);
      if (age < policy.graceSeconds * 1000) return wait('Nomad has no node of this instance; it may yet register');
      return complete('not-a-node', `Nomad has no node of this instance after ${policy.graceSeconds} s`);
    }

    case 'present':
      return judgeNode(termination, nomad.node, circumstances);
  }
}

function judgeNode(termination: Termination, node: NomadNode, circumstances: Circumstances): Decision {
  const { now, policy, seesEveryNamespace } = circumstances;
  if (node.status === 'down') return complete('node-lost', 'Nomad says that the node is down');

  const { drain } = node;
  if (!drain) {
    const since = termination.since ?? now;
    const deadlineSeconds = drainDeadlineSeconds(since, now, termination.heartbeatTimeoutSeconds, policy);
    const because = 'the node is not draining and its instance has to go';
    return deadlineSeconds > 0 ? startDrain({ how: 'start', deadlineSeconds }, because) : startDrain(FORCE, because);
  }

  const alive = remaining(node, policy);
  const on = drain.status === 'draining';
  if (!node.allocations)
    return wait(on ? 'the node is draining' : 'the drain is complete; what is left is still to be read');
  if (alive.length > 0) {
    const which = names(alive, now);
    const left = on && secondsToRenew(drain, alive, now);
    if (left) {
      const because = `Nomad overlooks ${count(alive)} to stop last: ${which}`;
      return startDrain({ how: 'renew', deadlineSeconds: left }, because);
    }
    if (!on) return wait(`${count(alive)} still to stop after the drain: ${which}`);
    const stuck = stuckFor(alive, drain.startedAt, now);
    return { ...wait(`the drain waits for ${count(alive)}: ${which}`), ...(stuck !== undefined && { stuck }) };
  }
  // Nomad does not notice that a sysbatch job has ended, and would keep an empty node draining until its deadline.
  if (on && !seesEveryNamespace) return wait('the node is draining, and the token does not see every namespace');

  const copying = node.copying ?? [];
  if (copying.length > 0)
    return wait(`${count(copying)} elsewhere still copying data from this node: ${names(copying, now)}`);

  const forced = drain.deadlineReached || drain.ours?.forcedAt !== undefined;
  if (!seesEveryNamespace && now < drain.updatedAt + policy.killMarginSeconds * 1000) {
    return { ...wait('the token does not see every namespace: waiting the kill margin after the drain'), alarm: true };
  }
  return forced
    ? complete('forced', 'the drain deadline has come, and everything on the node has stopped')
    : complete('drained', 'everything on the drained node has stopped');
}

/**
 * Nomad stops system jobs when all else has ended, but does not notice when that was a sysbatch job (seen on 1.6.10 and
 * 2.0.6): a drain that is for a while down to them is renewed. The seconds left of its deadline; 0: leave it alone.
 */
function secondsToRenew({ ours, updatedAt }: Drain, alive: Allocation[], now: number): number {
  if (ours?.deadlineAt === undefined || !alive.every(({ stopsLast }) => stopsLast)) return 0;
  if (now < updatedAt + SWEEP_SECONDS * 1000) return 0;
  return Math.max(0, Math.floor((ours.deadlineAt - now) / 1000));
}

/** The same decision when the time is up: first the drain is forced, and after the kill margin the instance is let go. */
function pressed(
  decision: Decision,
  termination: Termination,
  nomad: Observation,
  { now, policy }: Circumstances,
): Decision {
  if (decision.action === 'complete') return decision;

  const node = nomad.is === 'present' ? nomad.node : undefined;
  const ours = node?.drain?.ours;
  const since = sinceOf(termination, nomad) ?? now;
  const { forceAt, giveUpAt, lastAt } = limits(since, termination.heartbeatTimeoutSeconds, policy, ours);

  if (decision.action === 'start-drain') return now < lastAt ? decision : giveUp(decision, policy);
  if (now < forceAt) return decision;
  if (node?.drain && ours?.forcedAt === undefined && now < lastAt) {
    return startDrain(FORCE, `past the drain deadline and the kill margin: ${decision.because}`);
  }
  return now < giveUpAt ? decision : giveUp(decision, policy);
}

/** Since when an instance waits, as far as anybody can tell: milliseconds since the epoch. */
export function sinceOf({ since }: Termination, nomad: Observation): number | undefined {
  const drain = nomad.is === 'present' ? nomad.node.drain : undefined;
  return since ?? drain?.ours?.waitingSince ?? drain?.startedAt;
}

const wait = (because: string): Decision & { action: 'wait' } => ({ action: 'wait', because });

const complete = (outcome: Outcome, because: string): Decision => ({
  action: 'complete',
  because,
  outcome,
  result: 'CONTINUE',
});

const startDrain = (order: DrainOrder, because: string): Decision => ({ action: 'start-drain', because, order });

const FORCE: DrainOrder = { how: 'force' };

const giveUp = ({ because }: Decision, { onTimeout }: Policy): Decision => ({
  action: 'complete',
  because: `the time is up: ${because}`,
  outcome: 'timed-out',
  result: onTimeout,
});
