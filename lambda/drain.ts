import pMap from 'p-map';
import { carryOut } from './carry-out.ts';
import { type Decision, decide } from './decide.ts';
import type { Observation } from './nomad/node.ts';
import type { Orders, Ports } from './ports.ts';
import { nodeOf, type Result, RunRecord } from './report.ts';
import { returnToService } from './return-to-service.ts';
import type { Termination } from './termination.ts';
import { nextLookMs } from './time.ts';

/** At once, so that one slow instance does not hold up the others. */
const CONCURRENCY = 16;
/** An idle node is drained in milliseconds: after a start it is worth looking again soon. */
const AFTER_START_MS = 500;
/** While only killed tasks are left to stop. */
const STOPPING_MS = 1_000;
/** However much changes in a large cluster, no more looks than this. */
const SHORTEST_PAUSE_MS = 250;

/** One waiting instance in one look: what was seen, and what came of it. */
interface Look {
  termination: Termination;
  seen: Observation;
  decision: Decision;
}

/**
 * The story: look who waits, look at their nodes, decide, carry out, until all are gone or the time of this run is up.
 * Nothing is remembered from run to run; what a run leaves undone, the next one finds as it is.
 */
export async function drain(ports: Ports, orders: Orders): Promise<Result> {
  const { terminations, nodes, clock } = ports;
  const record = new RunRecord(orders.policy);
  for (;;) {
    const waiting = await terminations.waiting();
    if (!orders.lookOnly) await terminations.heartbeat(waiting);

    const looks = await lookAndAct(waiting, ports, orders);
    for (const look of looks) record.note(look.termination, look.seen, look.decision, clock.now());
    if (orders.lookOnly) return record.result();

    await returnToService(waiting, ports);
    const pause = untilNextLook(looks, clock.now());
    if (pause === undefined || clock.now() + pause > orders.until) return record.result();

    await clock.sleep(SHORTEST_PAUSE_MS);
    await nodes.changed(pause - SHORTEST_PAUSE_MS);
  }
}

/** Decides about each waiting instance by what is seen of its node, and carries that out: each by itself. */
async function lookAndAct(waiting: readonly Termination[], ports: Ports, orders: Orders): Promise<Look[]> {
  const observed = await ports.nodes.observe(waiting);
  const seesEveryNamespace = ports.nodes.permissions?.everyNamespace ?? false;
  return pMap(
    waiting,
    async (termination): Promise<Look> => {
      const seen = observed.get(termination.instanceId) ?? { is: 'unanswered', because: 'Nomad was not asked' };
      const circumstances = { now: ports.clock.now(), policy: orders.policy, seesEveryNamespace };
      const decision = decide(termination, seen, circumstances);
      if (orders.lookOnly) return { termination, seen, decision };
      return { termination, seen, decision: await carryOut(termination, seen, decision, ports) };
    },
    { concurrency: CONCURRENCY },
  );
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
