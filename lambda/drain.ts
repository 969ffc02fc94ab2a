import pMap from 'p-map';
import type { Clock } from './clock.ts';
import type { Policy } from './config.ts';
import { type Decision, decide } from './decide.ts';
import { messageOf } from './errors.ts';
import { type Observation, remaining } from './nomad/node.ts';
import type { Journal, Nodes, Terminations } from './ports.ts';
import { type InstanceReport, nodeOf, toInstanceReport, toRemaining } from './report.ts';
import type { Termination } from './termination.ts';
import { drainDeadlineSeconds, nextLookMs } from './time.ts';

/** Whom a run deals with, and through what. */
export interface Ports {
  terminations: Terminations;
  nodes: Nodes;
  clock: Clock;
  journal: Journal;
}

export interface Orders {
  policy: Policy;
  /** When to stop looking, milliseconds since the epoch. */
  until: number;
  /** Only look, and say what would be done. */
  lookOnly: boolean;
}

export interface Result {
  instances: InstanceReport[];
  /** Of each instance that the run could not serve: which, and why. */
  unserved: string[];
}

/** One waiting instance in one look: what was seen, and what came of it. */
interface Look {
  termination: Termination;
  seen: Observation;
  decision: Decision;
}

/** At once, so that one slow instance does not hold up the others. */
const CONCURRENCY = 16;
/** An idle node is drained in milliseconds: after a start it is worth looking again soon. */
const AFTER_START_MS = 500;
/** While only killed tasks are left to stop. */
const STOPPING_MS = 1_000;
/** However much changes in a large cluster, no more looks than this. */
const SHORTEST_PAUSE_MS = 250;
/** A drain younger than this is never taken back: what Auto Scaling says may lag behind. */
const SETTLED_MS = 120_000;

/**
 * The story: look who waits, look at their nodes, decide, carry out, until all are gone or the time of this run is up.
 * Nothing is remembered from run to run; what a run leaves undone, the next one finds as it is.
 */
export async function drain(ports: Ports, orders: Orders): Promise<Result> {
  const reports = new Map<string, InstanceReport>();
  const unserved = new Map<string, string>();
  for (;;) {
    const waiting = await ports.terminations.waiting();
    if (!orders.lookOnly) await ports.terminations.heartbeat(waiting);
    const observed = await ports.nodes.observe(waiting);
    const everyNamespace = ports.nodes.permissions?.everyNamespace ?? false;

    const looks = await pMap(
      waiting,
      async (termination) => {
        const seen = observed.get(termination.instanceId) ?? { is: 'unanswered', because: 'Nomad was not asked' };
        const circumstances = { now: ports.clock.now(), policy: orders.policy, seesEveryNamespace: everyNamespace };
        const decision = decide(termination, seen, circumstances);
        return { termination, seen, decision: await carryOut(termination, seen, decision, ports, orders) };
      },
      { concurrency: CONCURRENCY },
    );
    for (const look of looks) note(look, reports, unserved, ports.clock.now(), orders);
    if (!orders.lookOnly) await returnToService(waiting, ports);

    const pause = untilNextLook(looks, ports.clock.now());
    if (orders.lookOnly || pause === undefined || ports.clock.now() + pause > orders.until) {
      return { instances: [...reports.values()], unserved: [...unserved.values()] };
    }
    await ports.clock.sleep(SHORTEST_PAUSE_MS);
    await ports.nodes.changed(pause - SHORTEST_PAUSE_MS);
  }
}

/** Does what was decided for one instance. What fails is its decision then, and no other instance's. */
async function carryOut(
  termination: Termination,
  seen: Observation,
  decision: Decision,
  ports: Ports,
  orders: Orders,
): Promise<Decision> {
  const { instanceId, group } = termination;
  const fields = { instanceId, nodeId: nodeOf(seen)?.id ?? null, group, ...decision };
  if (orders.lookOnly) return decision;
  try {
    switch (decision.action) {
      case 'start-drain':
        if (!(await ports.terminations.waitsForUs(termination))) {
          return { action: 'wait', because: 'the instance waits for another hook than ours' };
        }
        await startDrain(termination, seen, decision, ports, orders);
        ports.journal.info(decision.force ? 'drain forced' : 'drain started', fields);
        return decision;

      case 'complete': {
        // Completed before: the instance now waits for another hook of its group, which is no concern of ours.
        const released = await ports.terminations.complete(instanceWithToken(termination, seen), decision.result);
        if (!released) return { ...decision, because: `${decision.because}; it had been let go before` };
        ports.journal.info('instance let go', fields);
        return decision;
      }
      case 'wait':
        if (decision.alarm) ports.journal.error('instance cannot be served as it should', fields);
        return decision;

      case 'error':
        ports.journal.error('instance cannot be served', fields);
        return decision;
    }
  } catch (error) {
    const because = `${decision.action} failed: ${messageOf(error)}`;
    ports.journal.error('instance cannot be served', { ...fields, because });
    return { action: 'error', because };
  }
}

async function startDrain(
  termination: Termination,
  seen: Observation,
  { force }: Decision & { action: 'start-drain' },
  { nodes, clock }: Ports,
  { policy }: Orders,
): Promise<void> {
  const node = nodeOf(seen);
  if (!node) return;
  const now = clock.now();
  const before = node.drain?.ours;
  const waitingSince = termination.since ?? before?.waitingSince ?? now;
  const deadline = drainDeadlineSeconds(waitingSince, now, termination.heartbeatTimeoutSeconds, policy);
  const token = termination.token ?? before?.token;
  await nodes.startDrain(node.id, deadline, force, {
    instanceId: termination.instanceId,
    waitingSince,
    deadlineAt: force ? (before?.deadlineAt ?? now) : now + deadline * 1000,
    ...(force && { forcedAt: now }),
    ...(token && { token }),
  });
}

/** The sweep has no event: the drain that the event's run started has written its token down. */
function instanceWithToken(termination: Termination, seen: Observation): Termination {
  const token = termination.token ?? nodeOf(seen)?.drain?.ours?.token;
  return token ? { ...termination, token } : termination;
}

/** Makes the nodes of instances eligible that have come back: from a warm pool, or with a new root volume. */
async function returnToService(waiting: readonly Termination[], { terminations, nodes, clock, journal }: Ports) {
  const gone = nodes
    .drainedByUs()
    .filter(({ startedAt }) => clock.now() - startedAt > SETTLED_MS)
    .filter(({ instanceId }) => !waiting.some((each) => each.instanceId === instanceId));
  if (gone.length === 0) return;
  try {
    const back = await terminations.backInService(gone.map(({ instanceId }) => instanceId));
    for (const { nodeId, instanceId } of gone.filter((each) => back.has(each.instanceId))) {
      await nodes.makeEligible(nodeId);
      journal.info('node made eligible: its instance is back in service', { instanceId, nodeId });
    }
  } catch (error) {
    journal.warn('nodes of returned instances stay ineligible for now', { because: messageOf(error) });
  }
}

function note(
  { termination, seen, decision }: Look,
  reports: Map<string, InstanceReport>,
  unserved: Map<string, string>,
  now: number,
  { policy }: Orders,
): void {
  const { instanceId } = termination;
  const node = nodeOf(seen);
  const left = node ? remaining(node, policy).map((allocation) => toRemaining(allocation, now)) : [];
  const report = toInstanceReport(termination, seen, decision, left);
  const started = reports.get(instanceId)?.action === 'start-drain' && decision.action === 'wait';
  reports.set(instanceId, started ? { ...report, action: 'start-drain' } : report);

  const failed = decision.action === 'error' || (decision.action === 'wait' && decision.unserved);
  if (failed) unserved.set(instanceId, `${instanceId}: ${decision.because}`);
  else unserved.delete(instanceId);
}

/** How long until something may have changed, in milliseconds; undefined where nobody is left to look at. */
function untilNextLook(looks: readonly Look[], now: number): number | undefined {
  const pauses = looks
    .filter(({ decision }) => decision.action !== 'complete')
    .map(({ termination, seen, decision }) => {
      if (decision.action === 'start-drain') return AFTER_START_MS;
      const drain = nodeOf(seen)?.drain;
      if (drain?.status === 'complete') return STOPPING_MS;
      return nextLookMs(now - (drain?.startedAt ?? termination.since ?? now), termination.heartbeatTimeoutSeconds);
    });
  return pauses.length === 0 ? undefined : Math.min(...pauses);
}
