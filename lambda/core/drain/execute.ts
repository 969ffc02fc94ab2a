import { messageOf } from '../basics.ts';
import { isLeftAlone } from '../model/allocation.ts';
import type { EpochMs } from '../model/clock.ts';
import type { Decision, DrainOrder, Outcome } from '../model/decision.ts';
import { LOG } from '../model/log-messages.ts';
import { killed, type NomadNode, remaining } from '../model/node.ts';
import { drainedBy, restoredAt } from '../model/notice.ts';
import { nodeOf, nodesOf, type Observation } from '../model/observation.ts';
import type { Termination } from '../model/termination.ts';
import { type Ports, UNKNOWN } from '../ports.ts';
import type { Carried, Killed } from './progress.ts';

const MESSAGES = {
  start: LOG.drainStarted,
  renew: LOG.drainRenewed,
  shorten: LOG.drainShortened,
  extend: LOG.drainExtended,
  force: LOG.drainForced,
};

const NOT_OURS: Decision = {
  action: 'wait',
  because: 'the instance does not wait for our hook any more, or for another',
};

/** The log message of a wait that has ended. */
const ended = (outcome: Outcome) => (outcome === 'admitted' || outcome === 'abandoned' ? LOG[outcome] : LOG.released);

/** Carries out the decision about one instance. A failure becomes its decision, and touches no other instance. */
export async function execute(
  termination: Termination,
  seen: Observation,
  decision: Decision,
  ports: Ports,
): Promise<Carried> {
  const { instanceId, group } = termination;
  const about = { instanceId, nodeId: nodeOf(seen)?.id ?? UNKNOWN, group };
  const fields = { ...about, ...decision };
  try {
    switch (decision.action) {
      case 'start-drain': {
        if (!(await ports.terminations.waitsForUs(termination))) return { decision: NOT_OURS };
        let started = 0;
        for (const node of nodesOf(seen).filter(({ id }) => decision.nodeIds.includes(id))) {
          if (!(await startDrain(termination, node, decision, ports))) continue;
          started += 1;
          ports.logger.info(MESSAGES[decision.order.how], { ...fields, nodeId: node.id });
          if (decision.order.how === 'start') await stopUnwaited(node, termination, ports);
        }
        if (started === 0) return { decision: { action: 'wait', because: 'another run has just started the drain' } };
        return decision.order.how === 'start' ? { decision, effect: 'drain started' } : { decision };
      }
      case 'cordon': {
        for (const nodeId of decision.nodeIds) await cordon(termination, nodeId, fields, ports);
        return { decision };
      }
      case 'make-eligible': {
        if (!(await ports.terminations.waitsForUs(termination))) return { decision: NOT_OURS };
        for (const nodeId of decision.nodeIds) {
          if (await ports.eligibility.admit(nodeId, instanceId))
            ports.logger.info(LOG.madeEligible, { ...fields, nodeId });
        }
        return { decision };
      }
      case 'complete': {
        // Logs are read while the instance is released: it is not kept for them.
        const reading = readKilled(termination, seen, decision, ports);
        const released = await ports.terminations.complete(termination, decision.result);
        // Completed before: the instance now waits for another hook of its group.
        if (!released)
          return { decision: { ...decision, because: `${decision.because}; it had been released before` } };
        const losses = await reading;
        const level = decision.alarm ? 'error' : 'info';
        ports.logger[level](ended(decision.outcome), { ...fields, killed: losses.length });
        for (const { allocation, stderr } of losses) {
          const { id, job, namespace, taskGroup } = allocation;
          const which = { allocation: id, job, namespace, taskGroup };
          ports.logger.warn(LOG.killed, { ...about, ...which, ...(stderr && { stderr }) });
        }
        // What an earlier drain has stopped is of an earlier wait.
        const isNew = termination.launch?.into === 'service' && decision.outcome === 'admitted';
        const nowhere = isNew ? [] : await ports.nodes.runNowhere(seen);
        for (const { job, namespace, taskGroup } of nowhere) {
          ports.logger.warn(LOG.runsNowhere, {
            ...about,
            job,
            namespace,
            taskGroup,
          });
        }
        return { decision, effect: 'released', killed: losses, nowhere };
      }
      default:
        return { decision };
    }
  } catch (error) {
    return { decision: { action: 'error', because: `${decision.action} failed: ${messageOf(error)}` } };
  }
}

async function cordon(
  { instanceId, notice }: Termination,
  nodeId: string,
  fields: object,
  ports: Ports,
): Promise<void> {
  if (!notice || !(await ports.eligibility.cordon(nodeId, instanceId, restoredAt(notice)))) return;
  ports.logger.info('node made ineligible', { ...fields, nodeId });
}

/** Asks Nomad to stop what drains do not wait for, by the word of its job. That it does not is no failure: nothing waits for it. */
async function stopUnwaited(node: NomadNode, { instanceId, group }: Termination, ports: Ports): Promise<void> {
  const unwaited = (node.allocations ?? []).filter((each) => each.drain?.seconds === 0 && isLeftAlone(each));
  for (const { id, job, namespace, taskGroup } of unwaited) {
    const about = { instanceId, nodeId: node.id, group, allocation: id, job, namespace, taskGroup };
    await ports.nodes.stop(id).then(
      () => ports.logger.info(LOG.stopped, about),
      (error) =>
        ports.logger.warn(LOG.notStopped, { ...about, because: `${messageOf(error)} (it takes alloc-lifecycle)` }),
    );
  }
}

/** What is renewed or forced keeps the deadline that it was given. */
const newDeadline = (order: DrainOrder): number | undefined =>
  order.how === 'force' || order.how === 'renew' ? undefined : order.deadlineSeconds;

/** @returns false if a drain is on already */
async function startDrain(
  termination: Termination,
  node: NomadNode,
  { order, gaveUp }: Decision & { action: 'start-drain' },
  { nodes, clock }: Ports,
): Promise<boolean> {
  const now = clock.now();
  const before = node.drain?.ours;
  const { notice, policy } = termination;
  const given = newDeadline(order);
  // A drain for a wait stays one when a notice shortens it.
  const isForNotice = notice !== undefined && (before === undefined || before.notice !== undefined);
  const drained = notice && drainedBy(notice, policy);
  return nodes.startDrain(node.id, order, policy, {
    instanceId: termination.instanceId,
    group: termination.group,
    ...(!isForNotice && { waitingSince: before?.waitingSince ?? beganAt(termination, now) }),
    deadlineAt: given === undefined ? (before?.deadlineAt ?? now) : now + given * 1000,
    ...((given === undefined ? before?.forJobs : given > policy.deadlineSeconds) && { forJobs: true as const }),
    ...((gaveUp ?? before?.gaveUp) && { gaveUp: true as const }),
    ...(order.how === 'force' && { forcedAt: now }),
    ...(isForNotice && { notice: notice.kind, restoreAt: restoredAt(notice) }),
    ...(isForNotice && drained !== undefined && { drainedBy: drained }),
  });
}

/** An activity that began so long ago is not the beginning of the wait: a load balancer has deregistered the instance since. Milliseconds. */
const OLD_ACTIVITY_MS = 600_000;

/** When a wait began that has no record yet. */
function beganAt({ since = Number.NEGATIVE_INFINITY, sinceIs, launch, seenSince }: Termination, now: number): EpochMs {
  // No load balancer is asked before a launch, and it is not drained at its beginning.
  if (launch) return since > 0 ? since : (seenSince ?? now);
  const isCredible = sinceIs === 'event' || now - since < OLD_ACTIVITY_MS;
  return isCredible && since > 0 ? since : now;
}

/** The outcomes of drains whose deadline may have come. */
const MAY_HAVE_KILLED: readonly Outcome[] = ['forced', 'timed-out', 'admitted', 'abandoned'];

/** The allocations that do not end by themselves, with the end of their stderr. */
async function readKilled(
  { policy }: Termination,
  seen: Observation,
  { outcome }: Decision & { action: 'complete' },
  { logs }: Ports,
): Promise<Killed[]> {
  if (!MAY_HAVE_KILLED.includes(outcome)) return [];
  // When the time is up, what still runs is killed with the instance.
  const dying = (node: NomadNode) =>
    outcome === 'timed-out' ? remaining(node, { ...policy, ignoreSystemJobs: true }) : [];
  const allocations = [...new Set(nodesOf(seen).flatMap((node) => [...killed(node), ...dying(node)]))];
  const tails = allocations.length > 0 ? await logs.stderrTails(allocations) : new Map<string, string>();
  return allocations.map((allocation) => {
    const stderr = tails.get(allocation.id);
    return { allocation, ...(stderr !== undefined && { stderr }) };
  });
}
