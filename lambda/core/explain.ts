import { inIso, iso } from './basics.ts';
import {
  type Allocation,
  type AllocationReport,
  isClientTerminal,
  isTaskAlive,
  secondsRun,
} from './model/allocation.ts';
import type { EpochMs } from './model/clock.ts';
import { JOB_DRAIN_KEY } from './model/job-drain.ts';

/** How many allocations, and how many jobs, a sentence names at most; the rest are counted. */
const MOST_NAMED = 5;
const MOST_JOBS = 3;
/** A service that cannot be replaced is stuck after this time, in milliseconds: until then, room may become free. */
const STUCK_MS = 60_000;

/** "a, b and 3 more". */
export function named(items: readonly string[], { most = MOST_NAMED, between = ', ', what = '' } = {}): string {
  const rest = items.length - most;
  return `${items.slice(0, most).join(between)}${rest > 0 ? ` and ${rest} more${what}` : ''}`;
}

/** "build-42 (task group build, running for 5 min), …": what to look for, and how long it has run. */
export function names(allocations: readonly Allocation[], now: number): string {
  const oldest = allocations.toSorted((one, other) => one.createdAt - other.createdAt);
  const [blocked, others] = [oldest.filter((each) => each.blocked), oldest.filter((each) => !each.blocked)];
  return named([...blocked, ...others].map((each) => describe(each, now)));
}

/** An allocation as reports, events and the CLI have it. */
export const toReport = (allocation: Allocation, now: number): AllocationReport => ({
  id: allocation.id,
  job: allocation.job,
  namespace: allocation.namespace,
  taskGroup: allocation.taskGroup,
  type: allocation.jobType,
  status: allocation.clientStatus,
  runningSeconds: secondsRun(allocation, now),
  ...inIso({ endsBy: allocation.endsBy }),
  ...(allocation.drain && { drain: allocation.drain.asks }),
  ...(allocation.blocked && { blocked: allocation.blocked.because }),
});

/** What will not resolve by itself, in words that stay the same while it lasts; undefined if there is no such thing. */
export function stuckFor(allocations: readonly Allocation[], drainStartedAt: number, now: number): string | undefined {
  const stuck = allocations.flatMap(({ job, taskGroup, blocked }) =>
    blocked && now - Math.max(blocked.since, drainStartedAt) >= STUCK_MS
      ? [
          `${job} (task group ${taskGroup}) ${blocked.inVain ? 'is replaced in vain' : 'has nowhere to go'}: ${blocked.because}`,
        ]
      : [],
  );
  return stuck.length > 0 ? named([...new Set(stuck)].toSorted(), { between: '; ' }) : undefined;
}

/** Of which jobs these are. */
export const sayJobs = (runs: readonly { job: string }[]): string =>
  named([...new Set(runs.map(({ job }) => job))], { most: MOST_JOBS });

/** A duration for a reader: "90 s", "5 min", "2 h 5 min". */
export function say(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A moment for a reader: "14:05Z", or "2026-03-02 14:05Z" if it is not today. UTC. */
function sayTime(at: EpochMs, now: EpochMs): string {
  const [time, today] = [iso(at).slice(0, 16), iso(now).slice(0, 10)];
  return `${time.startsWith(today) ? time.slice(11) : time.replace('T', ' ')}Z`;
}

/** Several nodes have an address or name of an instance, and none says that it is the instance. */
export const sayAmbiguous = (nodeIds: readonly string[]): string =>
  `more than one node may be this instance: ${named(nodeIds.toSorted())}`;

/** No node is known to be an instance, and these nodes are not known to be another instance. */
export const sayUnproven = (nodes: readonly string[]): string =>
  `no node is known to be this instance, and any of these nodes may be it: ${named(nodes.toSorted())}. Let their agents ` +
  'fingerprint EC2, set nodeMetaKey, or name the datacenters or node pools of clients that are not EC2 instances (outsideEc2)';

/** What the authors of these jobs say of drains: "job ci (nomad_drain_hook_drain = 45m), …". */
export function asks(allocations: readonly Allocation[]): string {
  const those = allocations.flatMap(({ job, drain }) =>
    drain?.seconds !== undefined ? [`job ${job} (${JOB_DRAIN_KEY} = ${drain.asks})`] : [],
  );
  return named([...new Set(those)].toSorted());
}

export const count = ({ length }: readonly Allocation[]): string => `${length} allocation${length === 1 ? '' : 's'}`;

function describe(allocation: Allocation, now: number): string {
  const { job, taskGroup, clientStatus, tasks, endsBy, blocked } = allocation;
  if (isClientTerminal(clientStatus)) {
    const left = tasks.filter(isTaskAlive).map(({ name, state }) => `task ${name} is ${state}`);
    return `${job} (task group ${taskGroup}, ${clientStatus}, but its ${left.join(' and ')})`;
  }
  const limit = endsBy !== undefined && endsBy > now ? `, ends by ${sayTime(endsBy, now)} (max_run_duration)` : '';
  const why = blocked ? `; ${blocked.inVain ? 'replaced in vain' : 'nowhere to go'}: ${blocked.because}` : '';
  return `${job} (task group ${taskGroup}, ${clientStatus} for ${say(secondsRun(allocation, now))}${limit}${why})`;
}
