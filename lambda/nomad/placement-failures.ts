import { type Allocation, groupKey } from '../core/model/allocation.ts';
import { sayUnplaced } from '../core/scale-in/placement.ts';
import { withoutSecrets } from '../free-text.ts';
import type { AllocationStub } from './json/allocation.ts';
import type { BlockedEvaluation, PlacementFailure } from './json/evaluation.ts';
import { own } from './json/node.ts';
import type { NomadReads } from './read-only.ts';

/** The allocations, each with why its replacement cannot be placed, if Nomad has tried and failed. */
export function withBlocked(allocations: Allocation[], evaluations: readonly BlockedEvaluation[]): Allocation[] {
  return allocations.map((allocation) => {
    const { job, namespace, taskGroup, desiredStatus } = allocation;
    // One that is stopping has been moved already, and does not hold the drain.
    if (desiredStatus !== 'run') return allocation;
    const blocked = evaluations.find(({ JobID, Namespace }) => JobID === job && Namespace === namespace);
    const failure = own(blocked?.FailedTGAllocs, taskGroup);
    if (!blocked || !failure) return allocation;
    return { ...allocation, blocked: { because: whyUnplaced(failure), since: Math.floor(blocked.CreateTime / 1e6) } };
  });
}

/** The task groups of services that Nomad cannot place, by `groupKey`, each with the scheduler's reason. */
export async function blockedGroups(nomad: NomadReads): Promise<Map<string, string>> {
  const groups = (await nomad.blockedServices()).flatMap(({ JobID: job, Namespace: namespace, FailedTGAllocs }) =>
    Object.entries(FailedTGAllocs ?? {}).map(([taskGroup, failure]): [string, string] => [
      groupKey({ namespace, job, taskGroup }),
      whyUnplaced(failure),
    ]),
  );
  return new Map(groups);
}

/** How many replacements have to fail before a service counts as replaced in vain: one alone may be bad luck. */
const FAILURES = 2;

/**
 * The allocations, those of one job with how their replacements fail, if they do: replacements that were placed since the drain
 * began. While none of them is healthy, Nomad does not move the others of the group.
 */
export function withFailing(
  allocations: Allocation[],
  job: string,
  namespace: string,
  ofJob: readonly AllocationStub[],
  drainStartedAt: number,
): Allocation[] {
  return allocations.map((allocation) => {
    const { taskGroup, desiredStatus, blocked } = allocation;
    if (allocation.job !== job || allocation.namespace !== namespace) return allocation;
    if (desiredStatus !== 'run' || blocked) return allocation;
    const replacements = ofJob
      .filter(({ TaskGroup, CreateTime }) => TaskGroup === taskGroup && CreateTime / 1e6 >= drainStartedAt)
      .toSorted((one, other) => one.CreateTime - other.CreateTime);
    const failed = replacements.filter(({ ClientStatus }) => ClientStatus === 'failed');
    const [first, last] = [failed[0], failed.at(-1)];
    // Healthy and running: one that failed later has been healthy too.
    const healthy = replacements.some((each) => each.ClientStatus === 'running' && each.DeploymentStatus?.Healthy);
    if (!first || !last || failed.length < FAILURES || healthy) return allocation;
    return {
      ...allocation,
      blocked: { inVain: true, because: lastFailureOf(last), since: Math.floor(first.CreateTime / 1e6) },
    };
  });
}

/** The client's last message about a task that failed: "Exit Code: 1". */
function lastFailureOf({ TaskStates }: AllocationStub): string {
  const events = Object.values(TaskStates ?? {}).flatMap(({ Events }) => Events ?? []);
  const telling = events.filter(({ Type }) => TELLING.includes(Type));
  const last = telling.toSorted((one, other) => one.Time - other.Time).at(-1);
  return `its replacements fail${last?.DisplayMessage ? `: ${withoutSecrets(last.DisplayMessage)}` : ''}`;
}

const TELLING = ['Terminated', 'Driver Failure', 'Setup Failure', 'Failed Validation', 'Failed Artifact Download'];

/**
 * Why the scheduler could not place an allocation (recordings drain-stuck, drain-stuck-resources), in a phrase. It is the reason
 * of the first attempt: an evaluation that is tried again in vain keeps it (recording drain-stuck-resources, its ModifyIndex
 * after its CreateIndex).
 */
export function whyUnplaced(failure: PlacementFailure): string {
  const exhausted = failure.QuotaExhausted ?? [];
  if (exhausted.length > 0) return `the quota of the namespace is exhausted: ${exhausted.join(', ')}`;

  const inDatacenters = Object.values(failure.NodesAvailable ?? {}).reduce((sum, count) => sum + count, 0);
  const reasons = [
    ...tally(failure.ConstraintFiltered, (constraint) => `constraint ${constraint} rules out`),
    ...tally(failure.ClassFiltered, (nodeClass) => `class ${nodeClass} rules out`),
    ...tally(failure.DimensionExhausted, (dimension) => `${dimension} is exhausted on`),
  ];
  return sayUnplaced({ pool: failure.NodePool ?? 'default', inPool: failure.NodesInPool ?? 0, inDatacenters, reasons });
}

const tally = (counts: Record<string, number> | null, say: (name: string) => string): [string, number][] =>
  Object.entries(counts ?? {}).map(([name, nodes]) => [say(withoutSecrets(name)), nodes]);
