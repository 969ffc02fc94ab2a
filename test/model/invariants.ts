import { expect } from 'vitest';
import type { Heartbeat } from '../../emulators/aws/model.ts';
import type { KilledTask } from '../../emulators/nomad/client/casualties.ts';
import { SECOND } from '../../emulators/world/world.ts';
import { LAUNCHING_HOOK } from '../../emulators/world/world-options.ts';
import type { Cast } from './cast.ts';
import { excuseOf } from './cuts.ts';

/** Near Auto Scaling's own cap nobody is kept any more, in milliseconds: the last sweep, and the kill margin before it. */
const NEAR_CAP_MS = 240 * SECOND;
/** The longest that a task of these stories takes to stop, in milliseconds. */
const STOPPING_MS = 10 * SECOND;
/** What a build has from the Spot warning on, whatever comes, in milliseconds: 90 s, and the event says whole seconds. */
const SPOT_BUILD_MS = 88 * SECOND;

/** What is true at every moment of every story. */
export function check(cast: Cast): void {
  const { world, leaving, capAt, noticed, secrets, ourPurges, foreign } = cast;
  const { aws, nomad, log, told, printed } = world;
  for (const { instanceId, globalExpiresAt } of aws.waiting) capAt.set(instanceId, globalExpiresAt);
  // Also those that Auto Scaling has chosen itself, to make up for one that it launched.
  for (const { detail, time, 'detail-type': type } of aws.events) {
    const instanceId = String(detail.EC2InstanceId);
    if (type !== 'EC2 Instance-terminate Lifecycle Action' || leaving.has(instanceId)) continue;
    leaving.set(instanceId, Date.parse(time));
  }
  for (const cut of cast.cuts)
    cut.excused ??= excuseOf(cast, cut, (nodeId, at) => isTimeUp(cast, nodeId, at, true)) !== undefined;
  const early = cast.cuts.filter(({ excused }) => !excused);
  expect(early, 'nothing is released or purged over a process that runs, while time is left').toEqual([]);
  const ours = world.killedBuilds.filter((task) => !isExcused(cast, task));
  expect(ours, 'no build is killed by us').toEqual([]);
  expect(
    cast.misjudged,
    'an instance is put into service if it is ready, and abandoned if it is known not to be',
  ).toEqual([]);
  for (const { by, instanceId, hook } of aws.completions) {
    // While Nomad is silent nothing is said of an instance on its way in: then Auto Scaling lets it in at the cap.
    const allowed =
      cast.retimed.has(instanceId) || hook === LAUNCHING_HOOK.name ? ['call', 'global-timeout'] : ['call'];
    expect(allowed, `the hook of ${instanceId} never lapses`).toContain(by);
  }

  for (const { ID, LastDrain } of nomad.state.nodes.values()) {
    const { drained_by, aws_instance_id: instanceId = '' } = LastDrain?.Meta ?? {};
    // A node that we have given back names nobody any more.
    if (drained_by !== 'nomad-drain-hook' || instanceId === '' || foreign.has(ID)) continue;
    const goes = leaving.has(instanceId) || noticed.has(instanceId) || cast.launched.has(instanceId);
    expect(goes, `${instanceId} was drained because it leaves service`).toBe(true);
  }
  for (const [nodeId, before] of foreign) {
    // Nomad itself collects a node that is down with nothing on it.
    if (!nomad.state.nodes.has(nodeId) && !ourPurges.has(nodeId)) continue;
    expect(recordOf(cast, nodeId), `the node ${nodeId} of another deployment is left alone`).toBe(before);
  }
  for (const nodeId of ourPurges) {
    const instanceId = cast.instanceOf.get(nodeId) ?? '';
    const { ec2State } = aws.instance(instanceId);
    expect(['shutting-down', 'terminated'], `the node of ${instanceId} is purged`).toContain(ec2State);
  }
  for (const [instanceId, since] of leaving) {
    const isForIt = (beat: Heartbeat) => beat.instanceId === instanceId && beat.hook !== LAUNCHING_HOOK.name;
    const beats = aws.heartbeats.filter(isForIt).length;
    const slots = (world.clock.now() - since) / ((cast.shortestTimeout * SECOND) / 3);
    // One for each slot that has begun, also the partial ones at both ends; a cold start forgets which it has served.
    expect(beats, `heartbeats of ${instanceId}`).toBeLessThanOrEqual(Math.ceil(slots) + 2 + cast.forgotten);
  }
  const written = JSON.stringify([log, told, printed]);
  for (const secret of secrets) expect(written.includes(secret), 'no secret is written down').toBe(false);
}

/** What another deployment has said of a node, and whether work may land there. */
export function recordOf({ world }: Cast, nodeId: string): string {
  const node = world.nomad.state.nodes.get(nodeId);
  return node ? JSON.stringify([node.SchedulingEligibility, node.LastDrain?.Meta]) : 'no such node';
}

/**
 * A build may be killed by what the story does, or by Nomad itself at its deadline; by the end of its instance once the kill margin
 * after that is over too; or when Auto Scaling's cap is near. What a completion has cut off is judged by itself.
 */
function isExcused(cast: Cast, task: KilledTask): boolean {
  const { world, doomed, interrupted, purged, instanceOf, cuts } = cast;
  const { allocationId, nodeId, at, how, jobId } = task;
  if (cast.asked.get(jobId) === 'now') return true;
  if (doomed.has(nodeId) || purged.has(nodeId)) return true;
  if (at >= (interrupted.get(instanceOf.get(nodeId) ?? '') ?? Number.POSITIVE_INFINITY) + SPOT_BUILD_MS) return true;
  if (cuts.some((cut) => cut.excused && cut.process.allocationId === allocationId)) return true;
  // Somebody has purged its job, or collected it: its client stops it.
  if (how !== 'instance-died' && cast.forgottenAt.has(allocationId)) return true;
  const { DesiredDescription = '' } = world.nomad.state.allocations.get(allocationId) ?? {};
  if (DesiredDescription.startsWith('alloc is lost')) return true;
  if (mayNeverEnd(cast, task)) return at >= (cast.capAt.get(instanceOf.get(nodeId) ?? '') ?? 0) - NEAR_CAP_MS;
  if (at >= ownTimeUp(cast, task)) return true;
  return isTimeUp(cast, nodeId, at, how === 'instance-died');
}

/** When a build has had the time that its job asks for; never, if it asks for none. */
function ownTimeUp({ asked, leaving, instanceOf }: Cast, { jobId, nodeId }: KilledTask): number {
  const limitMs = { '40s': 40 * SECOND, '20m': 1200 * SECOND }[asked.get(jobId) as '40s' | '20m'];
  const begun = leaving.get(instanceOf.get(nodeId) ?? '');
  return limitMs === undefined || begun === undefined ? Number.POSITIVE_INFINITY : begun + limitMs;
}

/** Its job asks to be waited for until it is done, we have seen it, and nobody else ends the instance or its drain. */
function mayNeverEnd(cast: Cast, { jobId, nodeId }: KilledTask): boolean {
  const instanceId = cast.instanceOf.get(nodeId) ?? '';
  const { asked, touched, noticed, retimed, foreign, narrowUntil } = cast;
  if (asked.get(jobId) !== 'until-done' || narrowUntil !== Number.NEGATIVE_INFINITY) return false;
  return !touched.has(nodeId) && !noticed.has(instanceId) && !retimed.has(instanceId) && !foreign.has(nodeId);
}

/** @param withMargin a kill margin after its deadline at the earliest */
function isTimeUp(cast: Cast, nodeId: string, at: number, withMargin: boolean): boolean {
  const { capAt, deadlines, instanceOf, interrupted, touched } = cast;
  const instanceId = instanceOf.get(nodeId) ?? '';
  const policy = cast.policyOf(instanceId);
  if (at >= (capAt.get(instanceId) ?? Number.POSITIVE_INFINITY) - NEAR_CAP_MS) return true;
  const warnedAt = interrupted.get(instanceId) ?? Number.POSITIVE_INFINITY;
  const margin = withMargin ? policy.killMarginSeconds * SECOND : 0;
  // A task that was told to stop takes some seconds: a drain that began meanwhile has not killed it.
  return [at, at - STOPPING_MS].some((then) => {
    const inForce = deadlines.get(nodeId)?.find(({ givenAt }) => givenAt <= then);
    // After a warning nobody but another tool shortens a deadline to less than what the warning leaves.
    const ofWarning = inForce !== undefined && inForce.givenAt >= warnedAt && !touched.has(nodeId);
    return inForce !== undefined && !ofWarning && at >= inForce.deadlineAt + margin;
  });
}
