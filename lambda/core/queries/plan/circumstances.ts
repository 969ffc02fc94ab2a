import type { EpochMs } from '../../model/clock.ts';
import type { Candidate, Client } from '../../scale-in/candidate.ts';
import type { EarlierRuns, RunLimits, RunTimes } from '../../scale-in/durations.ts';
import type { KnownNeeds } from '../../scale-in/placement.ts';

/** An instance of a group, with what Nomad says of it. */
export interface GroupInstance extends Omit<Candidate, 'pool'> {
  group: string;
  /** Its lifecycle state, such as `InService`. */
  state: string;
}

/** What a plan is made from. */
export interface PlanCircumstances {
  /** All clients of the cluster: services may move to any of them. */
  clients: readonly Client[];
  /** How long runs of each job took. */
  earlier: EarlierRuns;
  /** The `max_run_duration` of the builds that run. */
  limits: RunLimits;
  /** How long builds take here, whatever their job. */
  builds: RunTimes;
  /** Task groups that Nomad cannot place now, by `groupKey`, each with the scheduler's reason. */
  blocked: ReadonlyMap<string, string>;
  /** What task groups of services ask of a node. */
  needs: KnownNeeds;
  /** How long a drain that begins now lets builds run, in seconds. */
  deadlineSeconds: number;
  now: EpochMs;
}
