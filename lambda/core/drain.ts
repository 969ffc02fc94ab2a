import pMap from 'p-map';
import { Announcer } from './announce.ts';
import { carryOut } from './carry-out.ts';
import { decide } from './decide.ts';
import type { Decision } from './decision.ts';
import { measurePass } from './measure.ts';
import { nodesOf } from './observation.ts';
import type { Ports, RunOptions } from './ports.ts';
import type { Progress } from './progress.ts';
import { purgeAll } from './purge.ts';
import { type Result, RunRecord } from './report.ts';
import { returnToService } from './return-to-service.ts';
import { isDraining, staysUntil } from './stay.ts';
import type { Termination } from './termination.ts';
import { nextPassMs, placeInPass, whileStoppingMs, whileToldMs } from './time.ts';
import { type Decided, startsDrain, Wave } from './wave.ts';

/** Instances served at once, so that a slow one does not hold up the others. As many as there are connections to Nomad. */
const CONCURRENCY = 8;
/** An idle node is drained in milliseconds: so long after a start comes the next look, then after twice the time, and so on. */
const FIRST_LOOK_MS = 50;

/**
 * The story, in passes: find who waits, observe their nodes, decide, carry out; until all are released or the time of this run
 * is up. Nothing is remembered from run to run: the next run goes on from what Auto Scaling and Nomad say.
 */
export async function drain(ports: Ports, options: RunOptions): Promise<Result> {
  const { terminations, nodes, clock, meter } = ports;
  const record = new RunRecord(options);
  const announcer = new Announcer(ports, options);
  let { until } = options;
  let passes = 0;
  let startedAt: number | undefined;
  try {
    for (;;) {
      const asked = whoWaits(ports, options);
      await nodes.refresh(asked);
      const waiting = await asked;

      const progress = await pass(waiting, ports, options, passes === 0);
      record.note(progress, waiting, clock.now());
      record.retained(terminations.retained);
      if (options.dryRun) return record.result();

      measurePass(progress, meter, clock.now());
      await announcer.tell(progress, terminations.retained);
      await returnToService(waiting, ports);
      if (passes++ === 0) record.purged(await purgeAll(ports));
      const now = clock.now();
      if (progress.some(({ decision }) => decision.action === 'start-drain')) startedAt = now;
      const pause = untilNextPass(progress, now, {
        startedAt,
        told: nodes.tellsChanges,
        asksAgainAt: terminations.asksAgainAt,
      });
      if (pause === undefined || now >= until) return record.result();
      // Where Nomad tells, a run that has the time stays until its end.
      if (now + pause > until && !nodes.tellsChanges) {
        const later = await staysUntil(progress, ports, options);
        if (later === undefined) return record.result();
        until = later;
        // Nomad tells from now on.
        startedAt = undefined;
        continue;
      }
      await nodes.changed(Math.min(pause, until - now), { orAllocations: progress.some(isStopping) });
      if (clock.now() >= until) return record.result();
    }
  } catch (error) {
    if (passes > 0 && clock.over) return record.result();
    // What has been seen until then is still reported and measured.
    return record.interrupted(error);
  } finally {
    await announcer.end();
  }
}

/** Who waits, in the order of their turns. Their heartbeats wait for nothing that Nomad has to say. */
async function whoWaits({ terminations, clock }: Ports, { dryRun }: RunOptions): Promise<Termination[]> {
  const waiting = inTurn(await terminations.waiting(), clock.now());
  if (!dryRun) await terminations.heartbeat(waiting);
  return waiting;
}

const inTurn = (waiting: Termination[], now: number): Termination[] =>
  waiting.toSorted((one, other) => placeInPass(one.instanceId, now) - placeInPass(other.instanceId, now));

/**
 * Observes each waiting instance, decides, and carries that out: each by itself. Only drains that start wait for each other, a
 * moment, so that all their nodes are ineligible before the first service is moved.
 */
async function pass(
  waiting: readonly Termination[],
  ports: Ports,
  options: RunOptions,
  isFirst: boolean,
): Promise<Progress[]> {
  const { nodes, clock } = ports;
  const circumstances = { policy: options.policy, seesEveryNamespace: nodes.permissions?.everyNamespace ?? false };
  const done = new Map<string, Progress>();
  const finish = async (decided: Decided) => {
    const carried = options.dryRun
      ? {}
      : await carryOut(decided.termination, decided.seen, decided.decision, ports, options.policy);
    done.set(decided.termination.instanceId, { ...decided, ...carried });
  };
  const wave = new Wave(ports, waiting.length, finish);
  const all = pMap(
    waiting,
    async (termination) => {
      const seen = await nodes.observe(termination);
      // The run has ended in the middle of this pass: what the pass before has seen of this instance stays true until the next run.
      if (seen.is === 'unanswered' && clock.over && !isFirst) return;
      const decided = {
        termination,
        seen,
        decision: decide(termination, seen, { ...circumstances, now: clock.now() }),
      };
      await (startsDrain(decided) && !options.dryRun ? wave.join(decided) : finish(decided));
    },
    { concurrency: CONCURRENCY },
  );
  await wave.startWith(all);
  return waiting.flatMap(({ instanceId }) => done.get(instanceId) ?? []);
}

/**
 * How long until something may have changed, in milliseconds; undefined if nobody waits any more.
 * @param startedAt when this run has last asked for drains, milliseconds since the epoch
 * @param told Nomad tells at once if a node changes
 * @param asksAgainAt when Auto Scaling is asked again who waits, milliseconds since the epoch
 */
function untilNextPass(
  progress: readonly Progress[],
  now: number,
  { startedAt, told, asksAgainAt }: { startedAt: number | undefined; told: boolean; asksAgainAt: number | undefined },
): number | undefined {
  const pauses = progress
    .filter(({ termination, decision }) => !isServed(termination, decision))
    .map(({ termination: { since, heartbeatTimeoutSeconds }, seen }) => {
      const nodes = nodesOf(seen);
      const done = nodes.map(({ drain }) => drain).find((drain) => drain?.status === 'complete');
      if (done) return whileStoppingMs(now - done.updatedAt);
      if (told && isDraining({ seen })) return whileToldMs(heartbeatTimeoutSeconds);
      return nextPassMs(now - (nodes[0]?.drain?.startedAt ?? since ?? now), heartbeatTimeoutSeconds);
    });
  if (asksAgainAt !== undefined) pauses.push(Math.max(0, asksAgainAt - now));
  if (pauses.length === 0) return undefined;
  return Math.min(...pauses, ...(startedAt === undefined ? [] : [Math.max(FIRST_LOOK_MS, now - startedAt)]));
}

/** Killed tasks or poststop tasks are left, whose end changes no node. */
const isStopping = ({ seen, decision }: Progress): boolean =>
  decision.action === 'wait' && nodesOf(seen).some(({ drain }) => drain?.status === 'complete');

/** Whether this run has nothing more to do for an instance. After a notice it is enough to see that the drain is on. */
function isServed({ notice }: Termination, decision: Decision): boolean {
  if (decision.action === 'complete') return true;
  return notice !== undefined && (decision.action === 'cordon' || (decision.action === 'wait' && !decision.unserved));
}
