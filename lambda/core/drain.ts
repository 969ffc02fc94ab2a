import pMap from 'p-map';
import { Announcer } from './announce.ts';
import { carryOut } from './carry-out.ts';
import { decide } from './decide.ts';
import { measurePass } from './measure.ts';
import { nodeOf } from './observation.ts';
import type { Ports, RunOptions } from './ports.ts';
import type { Progress } from './progress.ts';
import { type Result, RunRecord } from './report.ts';
import { returnToService } from './return-to-service.ts';
import type { Termination } from './termination.ts';
import { nextPassMs, placeInPass, whileStoppingMs } from './time.ts';

/** Instances served at once, so that a slow one does not hold up the others. As many as there are connections to Nomad. */
const CONCURRENCY = 8;
/** An idle node is drained in milliseconds: after a start the next pass comes soon. */
const AFTER_START_MS = 500;
/** The shortest pause between passes, however much changes in a large cluster, in milliseconds. */
const SHORTEST_PAUSE_MS = 250;

/**
 * The story, in passes: find who waits, observe their nodes, decide, carry out; until all are released or the time of this run
 * is up. Nothing is remembered from run to run: the next run goes on from what Auto Scaling and Nomad say.
 */
export async function drain(ports: Ports, options: RunOptions): Promise<Result> {
  const { terminations, nodes, clock, meter } = ports;
  const record = new RunRecord(options);
  const announcer = new Announcer(ports, options);
  try {
    for (;;) {
      const waiting = inTurn(await terminations.waiting(), clock.now());
      if (!options.dryRun) await terminations.heartbeat(waiting);

      const progress = await pass(waiting, ports, options);
      record.note(progress, clock.now());
      if (options.dryRun) return record.result();

      measurePass(progress, meter, clock.now());
      await announcer.tell(progress);
      await returnToService(waiting, ports);
      const pause = untilNextPass(progress, clock.now());
      if (pause === undefined || clock.now() + pause > options.until) return record.result();

      await clock.sleep(SHORTEST_PAUSE_MS);
      await nodes.changed(pause - SHORTEST_PAUSE_MS);
    }
  } catch (error) {
    // What has been seen until then is still reported and measured.
    return record.interrupted(error);
  } finally {
    await announcer.end();
  }
}

const inTurn = (waiting: Termination[], now: number): Termination[] =>
  waiting.toSorted((one, other) => placeInPass(one.instanceId, now) - placeInPass(other.instanceId, now));

/** Observes each waiting instance, decides, and carries that out: each by itself. */
async function pass(
  waiting: readonly Termination[],
  ports: Ports,
  { policy, dryRun }: RunOptions,
): Promise<Progress[]> {
  await ports.nodes.refresh();
  const seesEveryNamespace = ports.nodes.permissions?.everyNamespace ?? false;
  return pMap(
    waiting,
    async (termination): Promise<Progress> => {
      const seen = await ports.nodes.observe(termination);
      const decision = decide(termination, seen, { now: ports.clock.now(), policy, seesEveryNamespace });
      return { termination, seen, ...(dryRun ? { decision } : await carryOut(termination, seen, decision, ports)) };
    },
    { concurrency: CONCURRENCY },
  );
}

/** How long until something may have changed, in milliseconds; undefined if nobody waits any more. */
function untilNextPass(progress: readonly Progress[], now: number): number | undefined {
  const pauses = progress
    .filter(({ decision }) => decision.action !== 'complete')
    .map(({ termination, seen, decision }) => {
      if (decision.action === 'start-drain') return AFTER_START_MS;
      const drain = nodeOf(seen)?.drain;
      if (drain?.status === 'complete') return whileStoppingMs(now - drain.updatedAt);
      return nextPassMs(now - (drain?.startedAt ?? termination.since ?? now), termination.heartbeatTimeoutSeconds);
    });
  return pauses.length === 0 ? undefined : Math.min(...pauses);
}
