import type { Completion } from '../../emulators/aws/model.ts';
import type { Node } from '../../emulators/nomad/model.ts';
import { LAUNCHING_HOOK } from '../../emulators/world/world-options.ts';
import { type Cast, type Cut, isAdmission, released } from './cast.ts';

/** Notes what runs at the very moment of each. */
export function watchCuts(cast: Cast): void {
  const { world, instanceOf, cuts, secrets } = cast;
  const note = (instanceId: string, how: Cut['how'], isThere: (nodeId: string) => boolean) => {
    for (const process of world.nomad.processes().filter(({ nodeId }) => isThere(nodeId))) {
      const allocation = world.nomad.state.allocations.get(process.allocationId);
      // What an agent has forgotten is collected once Nomad has given it up.
      const collected = !allocation && process.forgottenBy === 'agent';
      const lost = allocation?.ClientStatus === 'lost' || allocation?.DesiredDescription.startsWith('alloc is lost');
      cuts.push({
        at: world.clock.now(),
        instanceId,
        how,
        process,
        lost: lost === true || collected,
        completeSince: completeSince(cast, process.nodeId),
      });
    }
  };

  // The emulator tells nobody of a completion, but keeps them in a list.
  const completions = world.aws.completions as Completion[];
  const push = completions.push.bind(completions);
  completions.push = (...added) => {
    for (const completion of added) {
      const { instanceId, by, group } = completion;
      if (completion.hook === LAUNCHING_HOOK.name) judge(cast, completion);
      // Nothing registers on what would replace it.
      if (completion.result === 'ABANDON')
        world.aws.lackCapacity(group, Math.max(0, world.aws.desiredCapacity(group) - 1));
      if (by === 'call' && !isAdmission(completion))
        note(instanceId, 'completed', (nodeId) => instanceOf.get(nodeId) === instanceId);
    }
    return push(...added);
  };

  // What was planned before, and is committed after: its instance goes with it.
  const placed = new Set<string>();
  world.nomad.state.onCommit((tables) => {
    if (!tables.includes('allocs')) return;
    for (const { ID, NodeID, JobID, Job, Namespace } of world.nomad.state.allocations.values()) {
      if (placed.has(ID)) continue;
      placed.add(ID);
      const instanceId = instanceOf.get(NodeID) ?? '';
      if (Job.Type !== 'batch' || released(cast, instanceId)?.by !== 'call') continue;
      const about = { allocationId: ID, jobId: JobID, jobType: Job.Type, namespace: Namespace, nodeId: NodeID };
      const process = { ...about, task: 't', poststop: false, pending: true };
      cuts.push({
        at: world.clock.now(),
        instanceId,
        how: 'completed',
        process,
        lost: false,
        completeSince: Number.POSITIVE_INFINITY,
      });
    }
  });

  let known = new Set(world.nomad.state.nodes.keys());
  world.nomad.state.onCommit((tables) => {
    if (!tables.includes('nodes')) return;
    const { path = '', token = '' } = world.nomad.requests.at(-1) ?? {};
    for (const nodeId of known) {
      if (world.nomad.state.nodes.has(nodeId) || !secrets.includes(token) || token === world.nomad.managementToken)
        continue;
      if (path !== `/v1/node/${nodeId}/purge`) continue;
      cast.ourPurges.add(nodeId);
      note(instanceOf.get(nodeId) ?? '', 'purged', (id) => id === nodeId);
    }
    known = new Set(world.nomad.state.nodes.keys());
  });
}

/** What we say of a launch is so: the instance is ready, or Nomad has said that it is not. */
function judge({ world, instanceOf, silent, misjudged }: Cast, { instanceId, by, result }: Completion): void {
  // What EC2 has ended needs no word of Nomad's.
  if (by !== 'call' || world.aws.instance(instanceId).ec2State !== 'running') return;
  const nodes = [...instanceOf]
    .filter(([, of]) => of === instanceId)
    .flatMap(([id]) => world.nomad.state.nodes.get(id) ?? []);
  const { docker } = (nodes.find(isUsable)?.Drivers ?? {}) as Record<string, { Healthy: boolean }>;
  if (result === 'CONTINUE' && !docker?.Healthy) misjudged.push(`${instanceId} is put into service, and is not ready`);
  if (result === 'ABANDON' && silent) misjudged.push(`${instanceId} is abandoned while Nomad cannot be asked`);
}

const isUsable = ({ Status, SchedulingEligibility }: Node): boolean =>
  Status === 'ready' && SchedulingEligibility === 'eligible';

/** What a killed poststop, or one that could not begin, may take at most after that, in milliseconds. */
const SPOT_BUILD_MS = 88_000;

/** Why it may be so, if it may. Each is said in the documentation. */
export function excuseOf(cast: Cast, cut: Cut, isTimeUp: (nodeId: string, at: number) => boolean): string | undefined {
  const { interrupted, memory, forgottenAt, remembersSince, narrowUntil } = cast;
  const { at, instanceId, process, lost } = cut;
  const policy = cast.policyOf(instanceId);
  const { nodeId, allocationId } = process;
  if (cast.asked.get(process.jobId) === 'now') return 'its job lets no drain wait for it';
  if (lost) return 'Nomad has given it up with its node, and has replaced it';
  if (isTimeUp(nodeId, at)) return 'its time is up';
  if (at >= (interrupted.get(instanceId) ?? Number.POSITIVE_INFINITY) + SPOT_BUILD_MS) return 'EC2 ends it anyway';
  const forgotten = forgottenAt.get(allocationId);
  if (process.forgottenBy === 'servers' && forgotten !== undefined) {
    if (memory === 'cold' || remembersSince > forgotten || !wasSeen(cast, nodeId, forgotten)) {
      return 'it was forgotten before this environment saw it';
    }
    if (at >= forgotten + policy.killMarginSeconds * 1000) return 'it was held for as long as its client should need';
  }
  // Nomad keeps no deadline of a drain that is complete, however late another tool has set it: then ours holds.
  const ourDeadlineMs = (policy.deadlineSeconds + 2 * policy.killMarginSeconds) * 1000;
  const begun = cast.leaving.get(instanceId) ?? Number.POSITIVE_INFINITY;
  if (cut.completeSince <= at && at >= begun + ourDeadlineMs) return 'our deadline and both margins are over';
  // Nomad says that the drain is complete, and a kill margin has gone by: what the token does not see is not waited for any longer.
  if (at < narrowUntil + 60_000 && cut.completeSince + policy.killMarginSeconds * 1000 <= at + 1000) {
    return 'the token does not see it';
  }
  return undefined;
}

/** The allocations of its node were read while it drained and they were there. */
function wasSeen({ world, remembersSince }: Cast, nodeId: string, before: number): boolean {
  const of = world.nomad.requests.filter(
    ({ path, at }) => path.includes(nodeId) && at >= remembersSince && at < before,
  );
  const drained = of.findIndex(({ path, method }) => path.endsWith('/drain') && method !== 'GET');
  return of.slice(drained + 1).some(({ path }) => path.endsWith('/allocations'));
}

function completeSince({ world }: Cast, nodeId: string): number {
  const { LastDrain } = world.nomad.state.nodes.get(nodeId) ?? {};
  if (LastDrain?.Status !== 'complete') return Number.POSITIVE_INFINITY;
  return Date.parse(LastDrain.UpdatedAt) - world.nomad.clockSkewMs;
}
