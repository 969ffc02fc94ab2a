import { COLLECT_MS } from '../../emulators/nomad/api/job-endpoints.ts';
import { UNNAMED } from '../../emulators/world/world.ts';
import { type Builder, HEALTHY, SEES_ALL, SEES_OTHERS } from './cast.ts';
import { recordOf } from './invariants.ts';
import type { Stage } from './stage.ts';
import type { Joining, Step } from './steps.ts';

/** An operator purges the latest build of a node, or collects all garbage: the servers forget at once, and clients run on. */
export async function forgetBuilds(stage: Stage, nodeId: string | undefined): Promise<void> {
  const { world, forgottenAt } = stage.cast;
  const { nomad } = world;
  if (nodeId === undefined) {
    await stage.ask('PUT', 'system/gc');
    await world.advance(COLLECT_MS);
  } else {
    const latest = nomad.allocationsOn(nodeId).findLast(({ Job }) => Job.Type === 'batch');
    if (!latest) return;
    await stage.ask('DELETE', `job/${latest.JobID}?purge=true`);
  }
  stage.cast.account.outOfSight = true;
  for (const { allocationId, forgottenBy } of nomad.processes()) {
    if (forgottenBy === 'servers' && !forgottenAt.has(allocationId)) forgottenAt.set(allocationId, world.clock.now());
  }
}

/** Somebody purges the node of an instance that lives: its agent registers anew, eligible, as if nothing had been. */
export async function purgeAsAnother(stage: Stage, builder: Builder): Promise<void> {
  const { world, touched, purged } = stage.cast;
  const { nodeId } = builder;
  if (!world.nomad.state.nodes.has(nodeId)) return;
  touched.add(nodeId);
  purged.add(nodeId);
  stage.cast.account.outOfSight = true;
  await stage.ask('POST', `node/${nodeId}/purge`);
}

/** A node of another deployment on the same Nomad, whose instance is in another account: ours knows neither. */
export async function drainAsAnother(
  stage: Stage,
  { named, after }: Step & { what: 'another deployment drains' },
): Promise<void> {
  const { cast } = stage;
  const { nomad } = cast.world;
  const nth = cast.foreign.size;
  const instanceId = `i-0ffffffffffffff${String(nth).padStart(2, '0')}`;
  const { id } = nomad.addNode({ ...(named && { instanceId }), address: `10.77.0.${nth + 1}`, name: `foreign-${nth}` });
  const Meta = {
    drained_by: 'nomad-drain-hook',
    aws_instance_id: instanceId,
    deployment: '999999999999/eu-west-1/drain-hook',
  };
  await stage.ask('POST', `node/${id}/drain`, { DrainSpec: { Deadline: 3600e9 }, MarkEligible: false, Meta });
  if (after === 'goes down') nomad.killInstance(id);
  cast.foreign.set(id, recordOf(cast, id));
}

/** The token, or what it may see. */
export function changeToken(stage: Stage, how: (Step & { what: 'token' })['how']): void {
  const { cast } = stage;
  const { nomad, aws, clock } = cast.world;
  if (how === 'narrowed' || how === 'widened') nomad.policy('drainer', how === 'narrowed' ? SEES_OTHERS : SEES_ALL);
  else {
    const anew = nomad.token({ policies: [how === 'rotated' ? 'drainer' : 'narrow'] });
    const before = cast.token;
    cast.token = anew;
    cast.isNarrowToken = how === 'rotated to a narrow one';
    cast.secrets.push(anew);
    aws.putParameter('/nomad/drain-token', anew, 'SecureString');
    nomad.revoke(before);
  }
  if (how === 'narrowed' || how === 'widened') cast.isNarrowPolicy = how === 'narrowed';
  const sees = !cast.isNarrowToken && !cast.isNarrowPolicy;
  if (!sees) {
    cast.account.outOfSight = true;
    cast.narrowUntil = Number.POSITIVE_INFINITY;
  } else if (cast.narrowUntil === Number.POSITIVE_INFINITY) cast.narrowUntil = clock.now();
}

/** An agent starts again: as the node that it was, or as another, where its data is gone. */
export function comeBack(
  stage: Stage,
  builder: Builder,
  step: Step & { what: 'agent restarts' | 'agent comes back as another' },
): void {
  const { cast } = stage;
  const { world, doomed, away, nameless } = cast;
  const { instanceId, nodeId } = builder;
  if (!stage.lives(builder) || cast.purged.has(nodeId)) return;
  const { saying = 'its instance' } = step;
  const address =
    saying === 'nothing' ? `10.66.0.${cast.builders.indexOf(builder) + 1}` : world.aws.instance(instanceId).privateIp;
  // The first of the builders never says it.
  const withoutFingerprint = saying !== 'its instance';
  if (saying === 'nothing') nameless.add(instanceId);
  if (step.what === 'agent restarts') {
    world.nomad.restartWithoutFingerprint(nodeId, { address });
    return;
  }
  doomed.add(nodeId);
  away.delete(nodeId);
  builder.nodeId = world.nomad.newIdentity(nodeId, { withoutFingerprint, address }).id;
  cast.instanceOf.set(builder.nodeId, instanceId);
  cast.account.name(builder.nodeId, instanceId);
}

/** The agent of a new instance registers, for the first time. */
export function join({ cast }: Stage, builder: Builder, as: Joining): void {
  const { world, nameless } = cast;
  const { instanceId, nodeId } = builder;
  if (!cast.launched.has(instanceId) || world.nomad.state.nodes.has(nodeId) || cast.doomed.has(nodeId)) return;
  if (!nodeId.startsWith('the node of') || world.aws.instance(instanceId).ec2State !== 'running') return;
  if (as === 'nameless') nameless.add(instanceId);
  builder.nodeId = world.join(instanceId, {
    ...(as === 'nameless' && { ...UNNAMED, address: `10.66.1.${cast.builders.indexOf(builder) + 1}` }),
    ...(as === 'unhealthy' ? { drivers: { docker: 'no daemon' } } : HEALTHY),
    ...(as === 'initializing' && { initializing: true }),
    ...(as === 'ineligible' && { defaultIneligible: true }),
  });
  cast.instanceOf.set(builder.nodeId, instanceId);
  cast.account.name(builder.nodeId, instanceId);
}

/** Its first heartbeat comes, and its driver is healthy. */
export function getReady({ cast }: Stage, { nodeId }: Builder): void {
  const { nomad } = cast.world;
  const node = nomad.state.nodes.get(nodeId);
  if (node?.Status === 'initializing') nomad.firstHeartbeat(nodeId);
  if (node && !cast.doomed.has(nodeId) && !cast.away.has(nodeId)) nomad.setDriver(nodeId, 'docker');
}
