import { names, say } from '../explain.ts';
import type { EpochMs } from '../model/clock.ts';
import { type Circumstances, complete, type Decision, wait } from '../model/decision.ts';
import { emptySince, type NomadNode, type Readiness } from '../model/node.ts';
import { nodesOf, type Observation } from '../model/observation.ts';
import type { Admission } from '../model/policy.ts';
import type { Launch, Termination } from '../model/termination.ts';

/** A node that Nomad has just made usable gets its system jobs a moment later: until then that it has none proves nothing. In milliseconds. */
const SYSTEM_JOBS_PLACED_MS = 10_000;
/** How often a node is read again that is not ready yet, in milliseconds. */
const AGAIN_MS = 10_000;

/** What an instance lacks to be ready. */
interface Lack {
  because: string;
  /** Nomad does not say: the instance may be ready. */
  unknown?: true;
  /** The node that is ready but for its eligibility, which is ours to change. */
  admits?: string;
  /** Nothing changes before. */
  until?: EpochMs;
}

/** An instance on its way in, and what is known of it. */
interface Coming {
  launch: Launch;
  termination: Termination;
  nomad: Observation;
  now: EpochMs;
  /** Undefined if it is ready. */
  lack: Lack | undefined;
  /** What would be decided if it were to leave. */
  leaving: () => Decision;
}

/**
 * Decides when an instance may be put into service: the mirror of `decide`. Pure; its steps are the rows of the table in docs/joining.md, in
 * the same order. One that is not ready in time is abandoned, and one that goes into a warm pool is stopped there: builds may have begun on
 * either, so it is drained before, by the same rules as one that leaves.
 *
 * @param leaving what would be decided if the instance were to leave
 */
export function decideLaunch(
  launch: Launch,
  termination: Termination,
  nomad: Observation,
  { now }: Circumstances,
  leaving: () => Decision,
): Decision {
  const coming = { launch, termination, nomad, now, lack: lackOf(nomad, launch, now), leaving };
  return (
    elsewhere(coming) ??
    instanceGone(coming) ??
    givenUp(coming) ??
    ready(coming) ??
    unanswered(coming) ??
    ineligible(coming) ??
    late(coming) ??
    notReady(coming)
  );
}

/** As on the way out. */
function elsewhere({ termination, leaving }: Coming): Decision | undefined {
  return termination.completed ? leaving() : undefined;
}

function instanceGone({ termination }: Coming): Decision | undefined {
  if (termination.ec2 !== 'gone') return undefined;
  return { ...complete('instance-gone', 'EC2 no longer runs the instance'), result: 'ABANDON' };
}

/** What becomes ready after that does not count: its node is drained. */
function givenUp({ nomad, leaving }: Coming): Decision | undefined {
  const isGivenUp = nodesOf(nomad).some(({ drain }) => drain?.ours?.gaveUp);
  return isGivenUp ? abandoned('it was not ready in time', leaving()) : undefined;
}

function ready({ launch, lack, leaving }: Coming): Decision | undefined {
  if (lack) return undefined;
  return launch.into === 'service' ? admitted('its node is ready') : pooled(leaving());
}

function unanswered({ lack }: Coming): Decision | undefined {
  return lack?.unknown && wait(lack.because, { unserved: true });
}

/** Also of one that is late: it is ready but for what is ours to do. */
function ineligible({ lack }: Coming): Decision | undefined {
  if (lack?.admits === undefined) return undefined;
  return { action: 'make-eligible', because: lack.because, nodeIds: [lack.admits] };
}

function late(coming: Coming): Decision | undefined {
  const { launch, lack, now, leaving } = coming;
  const { readyTimeoutSeconds } = launch.admission;
  if (!lack || now < launchedAt(coming) + readyTimeoutSeconds * 1000) return undefined;
  return abandoned(`not ready after ${say(readyTimeoutSeconds)}: ${lack.because}`, leaving());
}

/** Of one that comes back with a new root volume no launch tells: not before everything on its old node had ended. */
function launchedAt({ termination, nomad, now }: Coming): EpochMs {
  const { since, seenSince = now } = termination;
  const ends = nodesOf(nomad).flatMap(({ drain, allocations }) =>
    drain?.status === 'complete' && allocations ? [emptySince(drain, allocations)] : [],
  );
  return since ?? (ends.length > 0 ? Math.max(...ends) : seenSince);
}

function notReady({ lack }: Coming): Decision {
  return wait(lack?.because ?? '', lack?.until === undefined ? {} : { until: lack.until });
}

/** What is missing for the instance to be ready; undefined if nothing is. What a first look does not tell, the proof does. */
function lackOf(nomad: Observation, { into, admission }: Launch, now: EpochMs): Lack | undefined {
  if (nomad.is === 'unanswered') return { because: nomad.because, unknown: true };
  const [node, another] = nodesOf(nomad).filter(({ status }) => status !== 'down');
  if (node === undefined) {
    if (nomad.is === 'present') return { because: 'its node is down' };
    return { because: 'Nomad has no node of this instance: its agent has not registered' };
  }
  if (another) return { because: 'its agent has come back as another node, and Nomad does not miss the first one yet' };
  if (node.status !== 'ready') return { because: `its node is ${node.status}` };
  if (node.readiness === undefined) return undefined;
  const lack =
    lackingDriver(node.readiness, admission) ??
    (into === 'service'
      ? (lackingEligibility(node, node.readiness) ?? lackingSystemJob(node, node.readiness, admission, now))
      : undefined);
  return lack && { ...lack, until: now + AGAIN_MS };
}

function lackingDriver({ drivers }: Readiness, admission: Admission): Lack | undefined {
  for (const name of admission.drivers) {
    const driver = drivers.get(name);
    if (!driver) return { because: `its node has no driver ${name}` };
    if (!driver.healthy) return { because: `driver ${name} is unhealthy on its node: ${driver.description}` };
  }
  return undefined;
}

function lackingEligibility({ id, eligible }: NomadNode, readiness: Readiness): Lack | undefined {
  if (eligible) return undefined;
  switch (readiness.ineligible) {
    case 'by default':
      return { because: 'its node has registered as ineligible, and is ready', admits: id };
    case 'by our drain':
      return { because: 'its node is ineligible since our last drain, and is ready', admits: id };
    default:
      return { because: 'its node is ineligible, and neither its registration nor our drain has made it so' };
  }
}

function lackingSystemJob(
  { allocations = [] }: NomadNode,
  { settledForMs }: Readiness,
  admission: Admission,
  now: EpochMs,
): Lack | undefined {
  if (!admission.awaitSystemJobs) return undefined;
  if (settledForMs < SYSTEM_JOBS_PLACED_MS) return { because: 'Nomad may still place system jobs on its node' };
  const missing = allocations.filter(
    ({ jobType, desiredStatus, clientStatus }) =>
      jobType === 'system' && desiredStatus === 'run' && clientStatus !== 'running',
  );
  return missing.length === 0 ? undefined : { because: `system jobs do not run yet: ${names(missing, now)}` };
}

const admitted = (because: string): Decision => ({
  action: 'complete',
  because,
  outcome: 'admitted',
  result: 'CONTINUE',
});

/** It is stopped, or taken away from its builds otherwise, as soon as it is in the pool. */
function pooled(leaving: Decision): Decision {
  const because = `it goes into the warm pool: ${leaving.because}`;
  if (leaving.action !== 'complete') return { ...leaving, because };
  return leaving.outcome === 'timed-out' ? wait(because, { stuck: because }) : admitted(because);
}

/** While Nomad does not answer, or something runs, the instance is held: at its cap Auto Scaling does what the hook says. */
function abandoned(why: string, leaving: Decision): Decision {
  const because = `${why}; ${leaving.because}`;
  switch (leaving.action) {
    case 'start-drain':
      return { ...leaving, because, gaveUp: true };
    case 'complete':
      if (leaving.outcome === 'timed-out') return wait(because, { stuck: why });
      return { action: 'complete', because, outcome: 'abandoned', result: 'ABANDON', alarm: true };
    default:
      return { ...leaving, because };
  }
}
