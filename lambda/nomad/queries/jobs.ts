import type { Jobs, ListedAllocation, WaitingJob } from '../../core/queries/ports.ts';
import { withoutSecrets } from '../../free-text.ts';
import type { AllocationInList } from '../json/allocation.ts';
import type { WaitingEvaluation } from '../json/evaluation.ts';
import { ALIVE } from '../nodes/running-allocations.ts';
import { whyUnplaced } from '../placement-failures.ts';
import type { NomadReads } from '../read-only.ts';

const ENDED = 'ClientStatus == "complete" or ClientStatus == "failed" or ClientStatus == "lost"';
/** How many ended allocations are read: the last ones that were created. */
const MOST_ENDED = 1_000;

/**
 * Nomad's jobs by their allocations and evaluations, which take `read-job` alone: the list of jobs would take `list-jobs` too, and
 * says neither what runs where nor why something waits.
 */
export class NomadJobs implements Jobs {
  readonly #nomad: NomadReads;

  constructor(nomad: NomadReads) {
    this.#nomad = nomad;
  }

  alive(namespace: string): Promise<ListedAllocation[]> {
    return this.#nomad.listAllocations(ALIVE, { namespace, resources: 'false' }, toListed);
  }

  async ended(namespace: string): Promise<{ allocations: ListedAllocation[]; more: boolean }> {
    const last = { namespace, resources: 'false', reverse: 'true', per_page: String(MOST_ENDED) } as const;
    const allocations = await this.#nomad.listAllocations(ENDED, last, toListed);
    return { allocations, more: allocations.length === MOST_ENDED };
  }

  async hasNamespace(namespace: string): Promise<boolean> {
    return (await this.#nomad.namespaces()).includes(namespace);
  }

  async waiting(namespace: string): Promise<WaitingJob[]> {
    return (await this.#nomad.waitingEvaluations(namespace)).map(toWaiting);
  }
}

const toListed = (json: AllocationInList): ListedAllocation => ({
  id: json.ID,
  job: json.JobID,
  jobType: json.JobType,
  namespace: json.Namespace,
  taskGroup: json.TaskGroup,
  status: json.ClientStatus,
  ...endedBy(json),
  nodeName: json.NodeName,
  createdAt: Math.floor(json.CreateTime / 1e6),
  changedAt: Math.floor(json.ModifyTime / 1e6),
});

/**
 * A client calls what it was told to stop `complete`, as what has ended by itself. What had ended before was never told to stop: Nomad leaves
 * ended allocations as they are. Of the services of a drained node it is the usual end.
 */
function endedBy({ ClientStatus, DesiredStatus, DesiredTransition, JobType }: AllocationInList) {
  if (ClientStatus !== 'complete' || DesiredStatus !== 'stop' || JobType === 'service' || JobType === 'system')
    return {};
  return { endedBy: DesiredTransition?.Migrate === true ? ('drain' as const) : ('stop' as const) };
}

function toWaiting(evaluation: WaitingEvaluation): WaitingJob {
  const { JobID, Type, Namespace, CreateTime, FailedTGAllocs, WaitUntil, StatusDescription } = evaluation;
  const unplaced = Object.entries(FailedTGAllocs ?? {}).map(([taskGroup, failure]) => ({
    taskGroup,
    count: (failure.CoalescedFailures ?? 0) + 1,
    because: whyUnplaced(failure),
  }));
  const later = WaitUntil && Date.parse(WaitUntil) > 0 ? `it is tried again at ${WaitUntil}` : undefined;
  return {
    job: JobID,
    jobType: Type,
    namespace: Namespace,
    since: Math.floor(CreateTime / 1e6),
    waits:
      unplaced.length > 0
        ? unplaced
        : [{ because: later ?? (withoutSecrets(StatusDescription ?? '') || 'it is about to be scheduled') }],
  };
}
