import type { Allocation, AllocMetric, Constraint, Job, Node, Task, TaskGroup } from '../model.ts';
import { terminal } from '../model.ts';
import type { State } from '../state.ts';

/** What places are chosen by: the state, or a plan's own view of it. */
export type View = Pick<State, 'nodes' | 'allocationsOn' | 'allocationsOf'>;

/** What a task group asks of a node: prestart tasks, main ones and poststop ones take turns; sidecars run beside the main ones. */
export const resourcesOf = ({ Tasks }: TaskGroup): { cpu: number; memory: number } => {
  const turns = [isFirst, isMain, isLast].map((takesTurn) => {
    const tasks = Tasks.filter(({ Lifecycle }) => takesTurn(Lifecycle));
    const sum = (of: 'CPU' | 'MemoryMB') => tasks.reduce((total, { Resources }) => total + Resources[of], 0);
    return { cpu: sum('CPU'), memory: sum('MemoryMB') };
  });
  return {
    cpu: Math.max(...turns.map(({ cpu }) => cpu)),
    memory: Math.max(...turns.map(({ memory }) => memory)),
  };
};

const isFirst = (lifecycle: Task['Lifecycle']) => lifecycle?.Hook === 'prestart';
const isMain = (lifecycle: Task['Lifecycle']) =>
  lifecycle === null || lifecycle.Hook === 'poststart' || (lifecycle.Hook === 'prestart' && lifecycle.Sidecar);
const isLast = (lifecycle: Task['Lifecycle']) => lifecycle?.Hook === 'poststop';

/** Whether new allocations may go to a node at all; draining nodes are ineligible. */
export const schedulable = (node: Node): boolean =>
  node.Status === 'ready' && node.SchedulingEligibility === 'eligible';

/** Nomad counts the nodes of the pool that are ready and eligible, and explains itself by what kept each from use. */
export const place = (
  state: View,
  job: Job,
  group: TaskGroup,
  only?: Node,
  previous?: Allocation,
): { node: Node | undefined; metric: AllocMetric } => {
  const metric = emptyMetric(job);
  const inPool = only ? [only] : [...state.nodes.values()].filter((node) => inPoolOf(job, node));
  let best: { node: Node; score: number } | undefined;
  for (const node of inPool) {
    if (!schedulable(node) || !inDatacenters(job, node)) continue;
    metric.NodesAvailable[node.Datacenter] = (metric.NodesAvailable[node.Datacenter] ?? 0) + 1;
    metric.NodesInPool += 1;
    metric.NodesEvaluated += 1;
    const name = filteredBy(state, job, group, node);
    if (name !== undefined) {
      metric.NodesFiltered += 1;
      metric.ConstraintFiltered = { ...metric.ConstraintFiltered };
      metric.ConstraintFiltered[name] = (metric.ConstraintFiltered[name] ?? 0) + 1;
      continue;
    }
    const fit = fits(state, group, node);
    if (!fit.fits) {
      exhausted(metric, group, fit.dimension);
      continue;
    }
    const sameJob = state.allocationsOn(node.ID).filter((other) => !terminal(other) && other.JobID === job.ID).length;
    // Where it failed before is the last choice.
    const again = previous?.NodeID === node.ID ? 1 : 0;
    const score = fit.used - sameJob / group.Count - again;
    if (!best || score > best.score) best = { node, score };
  }
  return { node: best?.node, metric };
};

/** What rules the node out, as Nomad calls it; undefined if nothing does. */
const filteredBy = (state: View, job: Job, group: TaskGroup, node: Node): string | undefined => {
  const violated = constraintsOf(job, group).find((constraint) => !satisfied(constraint, node));
  if (violated) return `${violated.LTarget} ${violated.Operand} ${violated.RTarget}`;
  return hasVolumes(state, job, group, node) ? undefined : 'missing compatible host volumes';
};

/** A static one that is read-only takes no request to write. A dynamic one that is sticky is had again, once it has been had. */
const hasVolumes = (state: View, job: Job, group: TaskGroup, node: Node): boolean =>
  Object.values(group.Volumes ?? {})
    .filter(({ Type }) => Type === 'host')
    .every(({ Source, ReadOnly = false, Sticky = false }) => {
      const volume = node.HostVolumes[Source];
      if (!volume) return false;
      if (volume.ID === '') return ReadOnly || !volume.ReadOnly;
      const unmet = Sticky ? unmetClaims(state, job, group) : new Set<string>();
      return unmet.size === 0 || unmet.has(node.ID);
    });

/** The nodes where the group has left a sticky volume: nothing of it is there now. */
const unmetClaims = (state: View, job: Job, group: TaskGroup): Set<string> => {
  const had = state.allocationsOf(job.Namespace, job.ID).filter(({ TaskGroup }) => TaskGroup === group.Name);
  const here = new Set(had.filter((allocation) => !terminal(allocation)).map(({ NodeID }) => NodeID));
  return new Set(had.map(({ NodeID }) => NodeID).filter((id) => !here.has(id)));
};

const inPoolOf = (job: Job, node: Node) => job.NodePool === 'all' || job.NodePool === node.NodePool;

const inDatacenters = (job: Job, node: Node) =>
  job.Datacenters.some((pattern) =>
    pattern.includes('*')
      ? new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(node.Datacenter)
      : pattern === node.Datacenter,
  );

const constraintsOf = (job: Job, group: TaskGroup): Constraint[] => [
  ...(job.Constraints ?? []),
  ...(group.Constraints ?? []),
  ...group.Tasks.flatMap(({ Constraints }) => Constraints ?? []),
];

const satisfied = ({ LTarget, Operand, RTarget }: Constraint, node: Node): boolean => {
  const left = resolve(LTarget, node);
  const right = resolve(RTarget, node);
  if (Operand === '!=') return left !== right;
  if (Operand === 'is_set') return left !== undefined;
  if (Operand === 'is_not_set') return left === undefined;
  if (left === undefined || right === undefined) return false;
  if (Operand === 'regexp') return new RegExp(right).test(left);
  if (Operand === 'set_contains') return right.split(',').every((item) => left.split(',').includes(item));
  return left === right;
};

const resolve = (target: string, node: Node): string | undefined => {
  const path = /^\$\{(.*)\}$/.exec(target)?.[1];
  if (path === undefined) return target;
  if (path.startsWith('attr.')) return node.Attributes[path.slice(5)];
  if (path.startsWith('meta.')) return node.Meta[path.slice(5)];
  const own: Record<string, string> = {
    'node.unique.id': node.ID,
    'node.unique.name': node.Name,
    'node.datacenter': node.Datacenter,
    'node.class': node.NodeClass,
    'node.pool': node.NodePool,
  };
  return own[path];
};

export const fits = (
  state: View,
  group: TaskGroup,
  node: Node,
): { fits: true; used: number } | { fits: false; dimension: string } => {
  const asked = resourcesOf(group);
  let { cpu, memory } = asked;
  for (const allocation of state.allocationsOn(node.ID)) {
    if (!holdsResources(allocation)) continue;
    const held = resourcesOf(allocation.Job.TaskGroups.find(({ Name }) => Name === allocation.TaskGroup) ?? group);
    cpu += held.cpu;
    memory += held.memory;
  }
  const { CpuShares } = node.NodeResources.Cpu;
  const { MemoryMB } = node.NodeResources.Memory;
  if (cpu > CpuShares) return { fits: false, dimension: 'cpu' };
  if (memory > MemoryMB) return { fits: false, dimension: 'memory' };
  return { fits: true, used: (cpu / CpuShares + memory / MemoryMB) / 2 };
};

/** A task that still stops keeps its resources, as in Nomad since 1.3. */
const holdsResources = ({ ClientStatus }: Allocation) =>
  ClientStatus === 'pending' || ClientStatus === 'running' || ClientStatus === 'unknown';

const exhausted = (metric: AllocMetric, group: TaskGroup, dimension: string): void => {
  metric.NodesExhausted += 1;
  metric.DimensionExhausted = { ...metric.DimensionExhausted };
  metric.DimensionExhausted[dimension] = (metric.DimensionExhausted[dimension] ?? 0) + 1;
  metric.ResourcesExhausted = { ...metric.ResourcesExhausted };
  for (const { Name, Resources } of group.Tasks) {
    const sum = (metric.ResourcesExhausted[Name] ?? { ...NO_RESOURCES }) as typeof NO_RESOURCES;
    const field = dimension === 'cpu' ? 'CPU' : 'MemoryMB';
    metric.ResourcesExhausted[Name] = { ...sum, [field]: sum[field] + Resources[field] };
  }
};

export const NO_RESOURCES = {
  CPU: 0,
  Cores: 0,
  Devices: null,
  DiskMB: 0,
  IOPS: 0,
  MemoryMB: 0,
  MemoryMaxMB: 0,
  NUMA: null,
  Networks: null,
  SecretsMB: 0,
};

const emptyMetric = (job: Job): AllocMetric => ({
  AllocationTime: 10_000,
  ClassExhausted: null,
  ClassFiltered: null,
  CoalescedFailures: 0,
  ConstraintFiltered: null,
  DimensionExhausted: null,
  NodePool: job.NodePool,
  NodesAvailable: {},
  NodesEvaluated: 0,
  NodesExhausted: 0,
  NodesFiltered: 0,
  NodesInPool: 0,
  QuotaExhausted: null,
  ResourcesExhausted: null,
  ScoreMetaData: null,
  Scores: null,
});
