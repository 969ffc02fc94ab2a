import { type EndedBuild, familyOf } from '../../core/scale-in/durations.ts';
import type { AllocationInList } from '../json/allocation.ts';
import { literal, quoted } from '../nodes/identity.ts';
import type { NomadReads } from '../read-only.ts';

/** Builds that their clients have ended, for whatever reason. Nomad keeps them for some hours. */
const ENDED =
  '(ClientStatus == "complete" or ClientStatus == "failed") and (Job.Type == "batch" or Job.Type == "sysbatch")';
/** Those that are read where all jobs matter: a kilobyte each, a tenth of it on the way. */
const LAST = 1_000;
/** Jobs that are named in a question. */
const MOST_JOBS = 100;
/**
 * The builds that were begun last, of those that have ended.
 *
 * @param most how many at most
 * @param jobs only runs of these jobs
 */
export function endedBuilds(nomad: NomadReads, most: number, jobs?: readonly string[]): Promise<EndedBuild[]> {
  const names = [...new Set(jobs?.map(familyOf))].slice(0, MOST_JOBS).map(literal);
  const filter = jobs ? `${ENDED} and JobID matches ${quoted(`^(${names.join('|')})(/|$)`)}` : ENDED;
  const last = { reverse: 'true', per_page: String(most), resources: 'false' } as const;
  return nomad.listAllocations(filter, last, toEndedBuild);
}

/** The last builds of all jobs, and whether these are all that Nomad has. */
export async function lastBuilds(nomad: NomadReads): Promise<{ builds: EndedBuild[]; all: boolean }> {
  const builds = await endedBuilds(nomad, LAST);
  return { builds, all: builds.length < LAST };
}

function toEndedBuild(allocation: AllocationInList): EndedBuild {
  const { JobID, Namespace, NodeID, CreateTime, ModifyTime, DesiredStatus } = allocation;
  return {
    job: JobID,
    namespace: Namespace,
    nodeId: NodeID,
    createdAt: Math.floor(CreateTime / 1e6),
    ms: (ModifyTime - CreateTime) / 1e6,
    ended: DesiredStatus === 'run' || isReplaced(allocation),
  };
}

/**
 * Whether it failed by itself and another took its place: then Nomad wants it stopped too. It gives a reason up to 1.8, and none in 2.0;
 * to one that a drain, a person or a new version of the job has stopped it always gives one. Seen on 1.6.10 and 2.0.6.
 */
const isReplaced = ({ ClientStatus, DesiredDescription }: AllocationInList): boolean =>
  ClientStatus === 'failed' && ['', 'alloc was rescheduled because it failed'].includes(DesiredDescription);
