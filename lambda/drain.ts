import pMap from 'p-map';
import { Announcer } from './announce.ts';
import { carryOut } from './carry-out.ts';
import { decide } from './decide.ts';
import { measureLooks } from './measure.ts';
import { nodeOf } from './nomad/node.ts';
import type { Orders, Ports } from './ports.ts';
import { type Look, type Result, RunRecord } from './report.ts';
import { returnToService } from './return-to-service.ts';
import type { Termination } from './termination.ts';
import { nextLookMs, placeInLook, whileStoppingMs } from './time.ts';

/** Instances served at once, so that a slow one does not hold up the others. As many as there are connections to Nomad. */
const CONCURRENCY = 8;
/** An idle node is drained in milliseconds: after a start it is worth looking again soon. */
const AFTER_START_MS = 500;
/** However much changes in a large cluster, no more looks than this. */
const SHORTEST_PAUSE_MS = 250;

/**
 * The story: look who waits, look at their nodes, decide, carry out, until all are gone or the time of this run is up.
 * Nothing is remembered from run to run; what a run leaves undone, the next one finds as it is.
 */
export async function drain(ports: Ports, orders: Orders): Promise<Result> {
  const { terminations, nodes, clock, meter } = ports;
  const record = new RunRecord(orders.policy, orders.lookOnly);
  const announcer = new Announcer(ports, orders);
  try {
    for (;;) {
      const waiting = inTurn(await terminations.waiting(), clock.now());
      if (!orders.lookOnly) await terminations.heartbeat(waiting);

      const looks = await lookAndAct(waiting, ports, orders);
      record.note(looks, clock.now());
      if (orders.lookOnly) return record.result();

      measureLooks(looks, meter, clock.now());
      await announcer.tell(looks);
      await returnToService(waiting, ports);
      const pause = untilNextLook(looks, clock.now());
      if (pause === undefined || clock.now() + pause > orders.until) return record.result();

      await clock.sleep(SHORTEST_PAUSE_MS);
      await nodes.changed(pause - SHORTEST_PAUSE_MS);
    }
  } catch (error) {
    // What has been seen until then is told and measured all the same.
    return record.interrupted(error);
  } finally {
    await announcer.end();
  }
}

const inTurn = (waiting: Termination[], now: number): Termination[] =>
  waiting.toSorted((one, other) => placeInLook(one.instanceId, now) - placeInLook(other.instanceId, now));

/** Looks at each waiting instance, decides and carries that out: each by itself. */
async function lookAndAct(waiting: readonly Termination[], ports: Ports, orders: Orders): Promise<Look[]> {
  await ports.nodes.look();
  const { policy, lookOnly } = orders;
  const seesEveryNamespace = ports.nodes.permissions?.everyNamespace ?? false;
  return pMap(
    waiting,
    async (termination): Promise<Look> => {
      const seen = await ports.nodes.observe(termination);
      const decision = decide(termination, seen, { now: ports.clock.now(), policy, seesEveryNamespace });
      return { termination, seen, ...(lookOnly ? { decision } : await carryOut(termination, seen, decision, ports)) };
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
      if (drain?.status === 'complete') return whileStoppingMs(now - drain.updatedAt);
      return nextLookMs(now - (drain?.startedAt ?? termination.since ?? now), termination.heartbeatTimeoutSeconds);
    });
  return pauses.length === 0 ? undefined : Math.min(...pauses);
}
