import type { Clock } from '../../core/model/clock.ts';
import { type Client, isBuild, type Resources, type Running, runsOf } from '../../core/scale-in/candidate.ts';
import type { Clients, Known, Suggested } from '../../core/scale-in/choose.ts';
import { byJob, type EarlierRuns, type RunLimits } from '../../core/scale-in/durations.ts';
import type { Permissions } from '../acl.ts';
import type { AllocationInList } from '../json/allocation.ts';
import { type NodeInList, own, toRecord } from '../json/node.ts';
import { ALIVE } from '../nodes/running-allocations.ts';
import type { NomadReads } from '../read-only.ts';
import { endedBuilds } from './finished-builds.ts';
import type { WhoIsWho } from './nodes-by-instance.ts';
import { enforcesLimits, runLimitsOf } from './run-limits.ts';

/** Earlier runs that are looked at: the last ones. */
const EARLIER = 500;

interface ClientsOptions {
  nomad: NomadReads;
  clock: Clock;
  whoIsWho: WhoIsWho;
  permissions: () => Promise<Permissions>;
  /** Through SSM no job is read: SSM keeps a history of answers, and a job has the environment of its tasks in it. */
  readsJobs: boolean;
}

/** What Nomad says of the clients of a group: two questions, however many there are, and those of {@link WhoIsWho}. */
export class NomadClients implements Clients {
  readonly #options: ClientsOptions;

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  async read(suggested: readonly Suggested[]): Promise<Known> {
    const [{ everyNamespace, missing }, known] = await Promise.all([
      this.#options.permissions(),
      this.readVisible(suggested),
    ]);
    if (!everyNamespace) throw new Error(`the Nomad token is too narrow; it lacks: ${missing.join('; ')}`);
    return known;
  }

  /** The same, as far as the token sees it: more may run. */
  async readVisible(suggested: readonly Suggested[]): Promise<Known> {
    const { nomad, clock, whoIsWho } = this.#options;
    const instanceIds = suggested.map(({ instanceId }) => instanceId);
    const named = async () => {
      const nodes = await nomad.listNodes((node) => node);
      const ids = nodes.map(({ ID }) => ID);
      return { nodes, instanceOf: await whoIsWho.of(ids, instanceIds, nomad, clock.now()) };
    };
    const [{ nodes, instanceOf }, runs] = await Promise.all([
      named(),
      nomad.listAllocations(ALIVE, {}, (allocation) => ({ nodeId: allocation.NodeID, run: toRunning(allocation) })),
    ]);

    const runsOn = Map.groupBy(runs, ({ nodeId }) => nodeId);
    const clients = nodes.map((node) =>
      toClient(
        node,
        (runsOn.get(node.ID) ?? []).map(({ run }) => run),
      ),
    );
    const by = Map.groupBy(clients, ({ id }) => instanceOf.get(id));
    return { clients, candidates: suggested.map((each) => ({ ...each, clients: by.get(each.instanceId) ?? [] })) };
  }

  async earlierRuns(builds: readonly Running[]): Promise<EarlierRuns> {
    const jobs = builds.map(({ job }) => job);
    return byJob(await endedBuilds(this.#options.nomad, EARLIER, jobs));
  }

  async runLimitsOf(clients: readonly Client[]): Promise<RunLimits> {
    if (!this.#options.readsJobs) return new Map();
    const builds = runsOf({ clients: clients.filter((client) => client.enforcesLimits) }).filter(isBuild);
    return runLimitsOf(this.#options.nomad, builds);
  }
}

function toRunning(allocation: AllocationInList): Running {
  return {
    id: allocation.ID,
    job: allocation.JobID,
    jobType: allocation.JobType,
    namespace: allocation.Namespace,
    taskGroup: allocation.TaskGroup,
    stopping: allocation.DesiredStatus !== 'run',
    createdAt: Math.floor(allocation.CreateTime / 1e6),
    takes: takenBy(allocation.AllocatedResources),
  };
}

/**
 * What Nomad keeps for an allocation: tasks that run one after the other, such as prestart and main ones, have the same (Nomad's
 * `AllocatedResources.Comparable`).
 */
function takenBy(resources: AllocationInList['AllocatedResources']): Resources {
  const sums = { first: NONE, main: NONE, last: NONE };
  for (const [name, task] of Object.entries(resources?.Tasks ?? {})) {
    for (const turn of turnsOf(own(resources?.TaskLifecycles, name))) sums[turn] = plus(sums[turn], toResources(task));
  }
  const most = (of: keyof Resources) => Math.max(sums.first[of], sums.main[of], sums.last[of]);
  return { cpu: most('cpu'), memoryMb: most('memoryMb') };
}

function turnsOf(lifecycle: { Hook: string; Sidecar: boolean } | null | undefined): ('first' | 'main' | 'last')[] {
  if (lifecycle?.Hook === 'prestart') return lifecycle.Sidecar ? ['first', 'main'] : ['first'];
  return lifecycle?.Hook === 'poststop' ? ['last'] : ['main'];
}

function toClient(node: NodeInList, runs: Running[]): Client {
  const { NodeResources, ReservedResources } = node;
  const [has, keeps] = [NodeResources, ReservedResources].map((each) => (each ? toResources(each) : NONE)) as [
    Resources,
    Resources,
  ];
  const taken = runs.map(({ takes }) => takes).reduce(plus, keeps);
  const deadlineAt = node.Drain ? toRecord(node.LastDrain?.Meta ?? null)?.deadlineAt : undefined;
  const drivers = Object.entries(node.Drivers ?? {}).filter(([, { Healthy }]) => Healthy);
  const volumes = Object.entries(node.HostVolumes ?? {});
  return {
    id: node.ID,
    name: node.Name,
    status: node.Status,
    eligible: node.SchedulingEligibility === 'eligible',
    draining: node.Drain,
    ...(deadlineAt !== undefined && { deadlineAt }),
    nodePool: node.NodePool,
    datacenter: node.Datacenter,
    nodeClass: node.NodeClass,
    drivers: drivers.map(([name]) => name),
    hostVolumes: new Map(
      volumes.map(([name, { ReadOnly, ID }]) => [name, { readOnly: ReadOnly, dynamic: Boolean(ID) }]),
    ),
    enforcesLimits: enforcesLimits(node.Version),
    registered: node.CreateIndex,
    free: { cpu: has.cpu - taken.cpu, memoryMb: has.memoryMb - taken.memoryMb },
    runs,
  };
}

const NONE: Resources = { cpu: 0, memoryMb: 0 };

const toResources = ({ Cpu, Memory }: { Cpu: { CpuShares: number }; Memory: { MemoryMB: number } }): Resources => ({
  cpu: Cpu.CpuShares,
  memoryMb: Memory.MemoryMB,
});

const plus = (one: Resources, other: Resources): Resources => ({
  cpu: one.cpu + other.cpu,
  memoryMb: one.memoryMb + other.memoryMb,
});
