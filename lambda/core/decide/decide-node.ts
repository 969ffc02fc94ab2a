import { asks, count, names, stuckFor } from '../explain.ts';
import { type Allocation, isAlive, isLeftAlone } from '../model/allocation.ts';
import type { EpochMs } from '../model/clock.ts';
import { type Circumstances, complete, type Decision, startDrain, timedOut, wait } from '../model/decision.ts';
import { deadlineFor } from '../model/job-drain.ts';
import { type Drain, type NomadNode, remaining } from '../model/node.ts';
import type { Policy } from '../model/policy.ts';
import type { Termination } from '../model/termination.ts';
import {
  drainDeadlineSeconds,
  latestDeadlineAt,
  limits,
  limitsOf,
  PENDING_SECONDS,
  SETTLE_SECONDS,
  SWEEP_SECONDS,
} from './deadlines.ts';

interface NodeCircumstances extends Circumstances {
  termination: Termination;
  /** When the wait began. */
  since: EpochMs;
}

/** A node, and what is alive on it. */
interface Seen extends NodeCircumstances {
  /** Of the instance's group. */
  policy: Policy;
  node: NomadNode;
  alive: Allocation[];
}

/** A node whose drain is in force. */
interface Drained extends Seen {
  drain: Drain;
}

/**
 * Decides about one node of an instance: the first step that answers. The steps are rows of the decision table in
 * docs/architecture.md, in the same order.
 */
export function decideNode(node: NomadNode, circumstances: NodeCircumstances): Decision {
  // Nomad may keep builds of a stopped instance as unknown: none of them runs.
  const isOff = isAway(node) && circumstances.termination.ec2 === 'stopped';
  const { policy } = circumstances.termination;
  const seen: Seen = { ...circumstances, policy, node, alive: isOff ? [] : remaining(node, policy) };
  const { drain } = node;
  return lost(seen) ?? (drain === undefined ? notDraining(seen) : decideDrained({ ...seen, drain }));
}

/** Nomad does not hear its agent. Its tasks may run. */
const isAway = ({ status }: NomadNode): boolean => status === 'down' || status === 'disconnected';

function decideDrained(seen: Drained): Decision {
  return (
    leftAlone(seen) ??
    askedForMore(seen) ??
    askedForNoMore(seen) ??
    overlooked(seen) ??
    overdue(seen) ??
    unread(seen) ??
    stillRunning(seen) ??
    stillCopying(seen) ??
    unseenNamespaces(seen) ??
    forgotten(seen) ??
    settling(seen) ??
    empty(seen)
  );
}

/**
 * A node that is down is lost once nothing on it is alive; only a token that sees every namespace can tell. While its instance runs, its
 * agent may come back, and get work before the instance is terminated: its node is drained first.
 */
function lost({ node, alive, seesEveryNamespace, now, termination }: Seen): Decision | undefined {
  if (node.status !== 'down' || !node.allocations || alive.length > 0 || !seesEveryNamespace) return undefined;
  if (node.drain === undefined && termination.ec2 !== 'stopped') return undefined;
  if (node.forgotten && now < node.forgotten.until) return undefined;
  return complete('node-lost', 'Nomad reports the node as down');
}

function notDraining({ node, alive, since, now, policy, termination, seesEveryNamespace }: Seen): Decision {
  const { heartbeatTimeoutSeconds } = termination;
  const left = seesEveryNamespace ? alive.length > 0 && count(alive) : 'what the token does not see';
  const because =
    node.status === 'down'
      ? `the node is down${left ? `, and ${left} may still run there` : ''}: nothing new may start when its agent comes back`
      : 'the node is not draining and its instance is terminating';
  if (now >= limits(since, heartbeatTimeoutSeconds, policy).lastAt)
    return timedOut(`the time is up: ${because}`, policy);
  return begin(node, because, { since, now, termination });
}

/**
 * The drain is complete, and something runs that it did not stop: another tool has left system jobs alone, or the node was
 * made eligible so long ago that its last ten events no longer say so. The node has to be drained again.
 */
function leftAlone(drained: Drained): Decision | undefined {
  const { node, drain, alive, now, since, policy, termination } = drained;
  if (drain.status !== 'complete' || isAway(node)) return undefined;
  if (now >= limits(since, termination.heartbeatTimeoutSeconds, policy).lastAt) return undefined;
  // Our own drain has just completed: the scheduler may have yet to stop what is left.
  if (drain.ours && now - drain.updatedAt < SWEEP_SECONDS * 1000) return undefined;
  const left = alive.filter(isLeftAlone);
  if (left.length === 0) return undefined;
  return begin(node, `the drain is complete, and nothing stops ${count(left)}: ${names(left, now)}`, drained);
}

/** A job on the node lets a drain wait longer for it than this one does: builds that came after it began, or after a change of the policy. */
function askedForMore({ node, drain, alive, since, now, policy, termination }: Drained): Decision | undefined {
  const { status, ours, startedAt } = drain;
  // What a notice leaves is not ours to extend.
  if (status !== 'draining' || ours?.deadlineAt === undefined || ours.drainedBy !== undefined) return undefined;
  if (ours.forcedAt !== undefined) return undefined;
  const wanted = deadlineFor(alive, policy);
  if (wanted <= policy.deadlineSeconds) return undefined;
  const latest = latestDeadlineAt(since, termination.heartbeatTimeoutSeconds, policy);
  const deadlineAt = Math.min(startedAt + wanted * 1000, latest);
  const deadlineSeconds = Math.floor((deadlineAt - now) / 1000);
  if (deadlineAt <= ours.deadlineAt + REQUESTED_MS || deadlineSeconds <= 0) return undefined;
  return startDrain(node.id, { how: 'extend', deadlineSeconds }, longerFor(alive, policy));
}

/**
 * Everything that Nomad waits for has had the time that its job asks for, or the policy's where the deadline is later for a job that has
 * ended since. Those that Nomad stops last do not go before.
 * It has to be known that nothing else is there, or about to be placed, by a list that was read after all that could be placed was.
 */
function askedForNoMore({ node, drain, alive, now, policy, seesEveryNamespace }: Drained): Decision | undefined {
  const { status, ours, startedAt } = drain;
  if (status !== 'draining' || isAway(node) || alive.length === 0) return undefined;
  if (ours?.deadlineAt === undefined || now >= ours.deadlineAt - REQUESTED_MS) return undefined;
  const { allocations = [], readAt = startedAt } = node;
  if (!seesEveryNamespace || readAt < startedAt + PENDING_SECONDS * 1000) return undefined;
  const first = allocations.filter((each) => isAlive(each, node) && !each.stopsLast);
  // An operator may have given a drain more time.
  const others = ours.forJobs ? policy.deadlineSeconds : Number.POSITIVE_INFINITY;
  const longest = Math.max(...first.map(({ drain: asked }) => asked?.seconds ?? others));
  if (first.length === 0 || now < startedAt + longest * 1000) return undefined;
  return startDrain(
    node.id,
    { how: 'shorten', deadlineSeconds: 1 },
    `what is left has had its time: ${names(first, now)}`,
  );
}

/** A deadline counts from when Nomad takes the request, a little later than it was calculated. In milliseconds. */
const REQUESTED_MS = 5_000;

/**
 * Nomad stops system jobs when everything else has ended, but does not notice every end: not that of a sysbatch job, of a job that was
 * purged, or of what was stopping already (seen on 1.6.10 and 2.0.6). A drain that waits for system jobs alone is renewed with the
 * seconds left of its deadline.
 */
function overlooked({ node, drain, alive, now }: Drained): Decision | undefined {
  const { status, ours, updatedAt } = drain;
  if (status !== 'draining' || isAway(node) || alive.length === 0) return undefined;
  if (ours?.deadlineAt === undefined || !alive.every(({ stopsLast }) => stopsLast)) return undefined;
  const deadlineSeconds = Math.floor((ours.deadlineAt - now) / 1000);
  if (deadlineSeconds <= 0 || now < updatedAt + OVERLOOKED_MS) return undefined;
  const because = `Nomad does not stop ${count(alive)}, though nothing else is left: ${names(alive, now)}`;
  return startDrain(node.id, { how: 'renew', deadlineSeconds }, because);
}

/** Nomad has had the time to notice, in milliseconds: it gathers for a second what it stops. */
const OVERLOOKED_MS = 10_000;

/** The time is up for what still holds the node: the drain is forced, and a kill margin later the instance is given up. */
function overdue(drained: Drained): Decision | undefined {
  const { node, drain, since, now, policy, termination } = drained;
  const { ours } = drain;
  const { heartbeatTimeoutSeconds } = termination;
  const { forceAt, giveUpAt, lastAt } = limitsOf(drain, since, heartbeatTimeoutSeconds, policy);
  if (now < forceAt) return undefined;
  const held = unread(drained) ?? stillRunning(drained) ?? stillCopying(drained) ?? unseenNamespaces(drained);
  if (!held) return undefined;
  if (ours?.forcedAt === undefined && now < lastAt) {
    return startDrain(node.id, { how: 'force' }, `past the drain deadline and the kill margin: ${held.because}`);
  }
  return now < giveUpAt ? undefined : timedOut(`the time is up: ${held.because}`, policy);
}

function unread({ node, drain }: Drained): Decision | undefined {
  if (node.allocations) return undefined;
  return wait(
    drain.status === 'draining'
      ? 'the node is draining'
      : 'the drain is complete; its allocations have not been read yet',
  );
}

function stillRunning({ node, drain, alive, now }: Drained): Decision | undefined {
  if (alive.length === 0) return undefined;
  if (isAway(node)) {
    const stuck = `the node is ${node.status}, but ${count(alive)} may still run there: its Nomad agent has to come back`;
    return wait(`${stuck}: ${names(alive, now)}`, { stuck });
  }
  if (drain.status === 'complete') return wait(`${count(alive)} still to stop after the drain: ${names(alive, now)}`);
  const stuck = stuckFor(alive, drain.startedAt, now);
  return wait(`the drain waits for ${count(alive)}: ${names(alive, now)}`, stuck === undefined ? {} : { stuck });
}

function stillCopying({ node, now }: Drained): Decision | undefined {
  const copying = node.copying ?? [];
  if (copying.length === 0) return undefined;
  return wait(`${count(copying)} elsewhere still copying data from this node: ${names(copying, now)}`);
}

/** An empty list proves nothing if the token does not see every namespace: wait for Nomad's completion and the kill margin. */
function unseenNamespaces({ drain, seesEveryNamespace, now, policy }: Drained): Decision | undefined {
  if (seesEveryNamespace) return undefined;
  if (drain.status === 'draining') return wait('the node is draining, and the token does not see every namespace');
  if (now >= drain.updatedAt + policy.killMarginSeconds * 1000) return undefined;
  return wait('the token does not see every namespace: waiting the kill margin after the drain');
}

/** What the servers forget is not ended: a client stops what it no longer should run, and says nothing of it. */
function forgotten(drained: Drained): Decision | undefined {
  const { node, drain, now, since, policy, termination } = drained;
  if (!node.forgotten) return undefined;
  const { forceAt } = limitsOf(drain, since, termination.heartbeatTimeoutSeconds, policy);
  const until = Math.min(node.forgotten.until, forceAt);
  if (now >= until) return undefined;
  const { count: many } = node.forgotten;
  const because = `Nomad has forgotten ${many} allocation${many === 1 ? '' : 's'} that ran there, and whose tasks may still run`;
  return wait(because, {
    until: Math.min(until, now + SWEEP_SECONDS * 1000),
    // A poststop task may take as long as it likes.
    ...(node.forgotten.until === Number.POSITIVE_INFINITY && { stuck: because }),
  });
}

/** A placement that was planned before the node became ineligible may be committed after it. */
function settling({ node, now }: Drained): Decision | undefined {
  if (!node.settling) return undefined;
  const { ineligibleForMs, sameLeader, olderEvaluations } = node.settling;
  const leftMs = (sameLeader ? SETTLE_SECONDS.sameLeader : SETTLE_SECONDS.anotherLeader) * 1000 - ineligibleForMs;
  if (leftMs > 0) {
    return wait('the node has only just become ineligible: Nomad may still place what it planned before', {
      until: now + leftMs,
    });
  }
  if (olderEvaluations === 0 || ineligibleForMs >= PENDING_SECONDS * 1000) return undefined;
  return wait(`Nomad still works on ${olderEvaluations} evaluations from before the node became ineligible`);
}

/** A drain that is on with nothing left is over too: Nomad does not notice that a sysbatch job has ended. */
function empty({ node, drain }: Drained): Decision {
  if (node.status === 'down') return complete('node-lost', 'Nomad reports the node as down, and its drain is complete');
  const unwaited = (node.allocations ?? []).filter((each) => isAlive(each, node) && each.drain?.seconds === 0);
  return drain.deadlineReached || drain.ours?.forcedAt !== undefined
    ? complete('forced', 'the drain deadline has come, and everything on the node has stopped')
    : complete(
        'drained',
        unwaited.length > 0
          ? `nothing is left that the drain waits for: ${asks(unwaited)}`
          : 'everything on the drained node has stopped',
      );
}

/** Starts a drain with the deadline of the policy and the jobs, or what the hook's cap leaves of it; forces it if that is nothing. */
function begin(
  node: NomadNode,
  because: string,
  { since, now, termination }: Pick<NodeCircumstances, 'since' | 'now' | 'termination'>,
): Decision {
  const { heartbeatTimeoutSeconds, policy } = termination;
  const alive = remaining(node, policy);
  const wanted = deadlineFor(alive, policy);
  const deadlineSeconds = drainDeadlineSeconds(since, now, heartbeatTimeoutSeconds, policy, wanted);
  if (deadlineSeconds <= 0) return startDrain(node.id, { how: 'force' }, because);
  const capped = deadlineSeconds < wanted ? ', as far as the hook holds the instance' : '';
  const longer = wanted > policy.deadlineSeconds ? `; ${longerFor(alive, policy)}${capped}` : '';
  return startDrain(node.id, { how: 'start', deadlineSeconds }, because + longer);
}

const longerFor = (alive: readonly Allocation[], policy: Policy): string => {
  const longer = alive.filter((each) => (each.drain?.seconds ?? 0) > policy.deadlineSeconds);
  return `the deadline is longer for ${asks(longer)}`;
};
