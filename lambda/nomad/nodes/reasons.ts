import type { Allocation } from '../../core/model/allocation.ts';
import type { Clock } from '../../core/model/clock.ts';
import { type NomadNode, remaining } from '../../core/model/node.ts';
import type { Policy } from '../../core/model/policy.ts';
import type { NomadApi } from '../api.ts';
import type { AllocationStub } from '../json/allocation.ts';
import type { BlockedEvaluation } from '../json/evaluation.ts';
import { withBlocked, withFailing } from '../placement-failures.ts';

/** Jobs of one node whose replacements are read. */
const MOST_JOBS = 8;
/** A younger drain is not explained, in milliseconds: it has only just begun. */
const SETTLING_MS = 30_000;

/** Why services are not moved away from a draining node, for the length of one run. It only explains: drains go on without it. */
export class Reasons {
  readonly #nomad: NomadApi;
  readonly #clock: Clock;
  /** Services that wait for room anywhere: asked once a run, and only if a service keeps a drain from ending. */
  #blocked: Promise<BlockedEvaluation[]> | undefined;
  /** Where the allocations of a service are: asked once a run, however many nodes it keeps from ending. */
  readonly #ofJobs = new Map<string, Promise<AllocationStub[]>>();

  constructor(nomad: NomadApi, clock: Clock) {
    this.#nomad = nomad;
    this.#clock = clock;
  }

  /** The allocations, each with what keeps it from being moved, if Nomad says so. */
  async add(node: NomadNode, allocations: Allocation[], policy: Policy): Promise<Allocation[]> {
    const startedAt = node.drain?.startedAt ?? Number.POSITIVE_INFINITY;
    if (this.#clock.now() - startedAt <= SETTLING_MS || held(node, allocations, policy).length === 0)
      return allocations;

    this.#blocked ??= this.#nomad.blockedServices().catch(() => []);
    let explained = withBlocked(allocations, await this.#blocked);
    const jobs = new Map(held(node, explained, policy).map((each) => [`${each.namespace}/${each.job}`, each]));
    for (const { job, namespace } of [...jobs.values()].slice(0, MOST_JOBS)) {
      const ofJob = await this.#ofJob(job, namespace);
      explained = withFailing(explained, job, namespace, ofJob, startedAt);
    }
    return explained;
  }

  #ofJob(job: string, namespace: string): Promise<AllocationStub[]> {
    const key = `${namespace}/${job}`;
    const ofJob = this.#ofJobs.get(key) ?? this.#nomad.jobAllocations(job, namespace).catch(() => []);
    this.#ofJobs.set(key, ofJob);
    return ofJob;
  }
}

/** Services that hold the node for a reason that is not known yet. */
const held = (node: NomadNode, allocations: Allocation[], policy: Policy): Allocation[] =>
  remaining({ ...node, allocations }, policy).filter(
    ({ jobType, desiredStatus, blocked }) => jobType === 'service' && desiredStatus === 'run' && !blocked,
  );
