import { expect } from 'vitest';
import { MINUTE, SWEEP } from '../../emulators/world/world.ts';
import { type Builder, isAnyAwayForGood, SEES_ALL } from './cast.ts';
import { check } from './invariants.ts';
import type { Stage } from './stage.ts';
import type { Ending } from './steps.ts';

/** Ends all faults and goes on with the schedule: every waiting instance must be released. */
export async function end(stage: Stage, ending: Ending): Promise<void> {
  const { cast } = stage;
  const { nomad } = cast.world;
  stage.heal();
  for (const policy of ['drainer', 'narrow']) nomad.policy(policy, SEES_ALL);
  cast.narrowUntil = Math.min(cast.narrowUntil, cast.world.clock.now());
  await stage.coldStart();
  if (ending.how === 'Nomad stays away') return endWithoutNomad(stage);
  if (ending.how === 'one stays sick') await serveAllBut(stage, stage.builder(ending.builder), ending.answer);
  await endTheNameless(stage);
  await stage.sweepWhile(() => stage.waiting.length > 0, 40);
  // Builds that Nomad keeps as unknown for an agent that never comes back hold the instance to the deadline and its margins.
  if (isAnyAwayForGood(cast)) await stage.sweepWhile(() => stage.waiting.length > 0, 80);
  check(cast);
  expect(stage.waiting, 'every waiting instance is released in the end').toEqual([]);
  await stage.sweepWhile(() => leftIneligible(stage).length > 0, 45);
  expect(leftIneligible(stage), 'what stays in service is made eligible again').toEqual([]);
}

/**
 * An agent that does not say whose it is holds its own instance, and whoever might be it: until somebody looks. Only its time ends it
 * otherwise.
 */
async function endTheNameless(stage: Stage): Promise<void> {
  const { world, nameless, doomed, builders } = stage.cast;
  if (nameless.size === 0) return;
  await stage.sweepWhile(() => stage.waiting.length > 0, 5);
  if (world.aws.waiting.length === 0) return;
  for (const instanceId of nameless) {
    for (const builder of builders) if (builder.instanceId === instanceId) doomed.add(builder.nodeId);
    if (world.aws.instance(instanceId).ec2State === 'running') world.aws.terminate(instanceId);
  }
}

/** Nodes that we have made ineligible, and nobody else, though their instances are in service after all. */
function leftIneligible({ cast }: Stage): string[] {
  const { world, touched, doomed, nameless, builders } = cast;
  return builders
    .filter(({ nodeId, instanceId }) => !touched.has(nodeId) && !doomed.has(nodeId) && !nameless.has(instanceId))
    .filter(({ nodeId }) => world.nomad.state.nodes.has(nodeId))
    .filter(({ instanceId }) => world.aws.instance(instanceId).state === 'InService')
    .filter(({ instanceId }) => world.aws.instance(instanceId).ec2State === 'running')
    .filter(({ nodeId }) => world.nomad.node(nodeId).SchedulingEligibility === 'ineligible')
    .map(({ nodeId }) => nodeId);
}

/** Nomad never answers again: the instances are released just before Auto Scaling's cap, and not earlier. */
async function endWithoutNomad(stage: Stage): Promise<void> {
  const { cast } = stage;
  const { world, capAt, memory } = cast;
  const before = world.aws.completions.length;
  // By its token: an instance that comes back into service may wait again.
  const caps = new Map<string, number>();
  world.nomad.server.fault = () => 'hang-up';
  cast.silent = true;
  check(cast);
  const end = Math.max(world.clock.now(), ...capAt.values());
  while (stage.waiting.length > 0 && world.clock.now() < end) {
    for (const { token, globalExpiresAt } of world.aws.waiting) caps.set(token, globalExpiresAt);
    const next = Math.min(...world.aws.waiting.map(({ globalExpiresAt }) => globalExpiresAt));
    // Of five sweeps four are skipped, to save time, except of the last ones: the hook's timeout is longer. Who remembers no sweep could
    // not know which: it stays warm.
    const isLast = next - world.clock.now() <= 10 * MINUTE;
    const minutes = isLast ? 1 : 5;
    cast.memory = isLast ? memory : 'warm';
    await world.advance(minutes * MINUTE - (world.clock.now() % MINUTE));
    await stage.wake(SWEEP);
  }
  check(cast);
  // Whose wait began only when another's ended has its own time.
  const over = world.aws.waiting.filter(({ globalExpiresAt }) => globalExpiresAt <= end);
  expect(over, 'every waiting instance is released by policy').toEqual([]);
  for (const { at, instanceId, token } of world.aws.completions.slice(before)) {
    if (world.aws.instance(instanceId).ec2State !== 'running' || cast.retimed.has(instanceId)) continue;
    const left = (caps.get(token) ?? 0) - at;
    expect(left, `${instanceId} is kept for its whole time`).toBeLessThanOrEqual(4 * MINUTE);
  }
}

async function serveAllBut(stage: Stage, { instanceId, nodeId }: Builder, answer: 500 | 'silence'): Promise<void> {
  const { cast } = stage;
  const { nomad } = cast.world;
  nomad.server.fault = ({ url }) => {
    if (!url.pathname.includes(nodeId) && !url.search.includes(instanceId)) return undefined;
    return answer === 500 ? { status: 500, body: 'sick' } : answer;
  };
  const others = () => stage.waiting.filter((each) => each.instanceId !== instanceId);
  await endTheNameless(stage);
  await stage.sweepWhile(() => others().length > 0, 40);
  if (isAnyAwayForGood(cast)) await stage.sweepWhile(() => others().length > 0, 80);
  check(cast);
  // A node that names nobody, and about which Nomad does not answer, may be any of them.
  if (cast.nameless.has(instanceId)) return stage.heal();
  expect(others(), 'a failure on one instance leaves all others served').toEqual([]);
  stage.heal();
}
