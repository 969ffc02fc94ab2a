import pMap from 'p-map';
import { groupKey } from '../../core/model/allocation.ts';
import type { Client, Running } from '../../core/scale-in/candidate.ts';
import type { Constraint, Needs } from '../../core/scale-in/placement.ts';
import { withoutSecrets } from '../../free-text.ts';
import type { ConstraintJson, JobJson, VolumeJson } from '../json/job.ts';
import { own } from '../json/node.ts';
import { quoted } from '../nodes/identity.ts';
import type { NomadReads } from '../read-only.ts';

/** Jobs that are read. */
const MOST_JOBS = 20;
/** Constraints that Nomad is asked about: the nodes that each allows. */
const MOST_CONSTRAINTS = 20;
/** Questions at once. */
const CONCURRENCY = 4;

/**
 * What the task groups of these services ask of a node, by `groupKey`: a question for each job, and one for each constraint on an
 * attribute or on metadata, which a list of nodes does not show. A job that cannot be read is left out.
 */
export async function needsOf(nomad: NomadReads, services: readonly Running[]): Promise<Map<string, Needs>> {
  const jobs = [...Map.groupBy(services, ({ namespace, job }) => `${namespace} ${job}`).values()];
  const read = await pMap(
    jobs.slice(0, MOST_JOBS).flatMap(([first]) => first ?? []),
    async ({ job, namespace }) => {
      const json = await nomad.job(job, namespace).catch(() => undefined);
      return json ? [{ job, namespace, json }] : [];
    },
    { concurrency: CONCURRENCY },
  );
  const constraints = new Constraints(nomad);
  const needs = new Map<string, Needs>();
  await pMap(
    read.flat().flatMap((each) => (each.json.TaskGroups ?? []).map((group) => ({ ...each, group }))),
    async ({ job, namespace, json, group }) => {
      needs.set(groupKey({ namespace, job, taskGroup: group.Name }), await toNeeds(json, group, constraints));
    },
    { concurrency: CONCURRENCY },
  );
  return needs;
}

type GroupJson = NonNullable<JobJson['TaskGroups']>[number];

async function toNeeds(job: JobJson, group: GroupJson, known: Constraints): Promise<Needs> {
  const ofJob = job.Constraints ?? [];
  const ofGroup = [...(group.Constraints ?? []), ...group.Tasks.flatMap((task) => task.Constraints ?? [])];
  const all = [...ofJob, ...ofGroup].filter((each) => !isDistinctHosts(each));
  const read = await pMap(all, async (each) => ({ each, constraint: await known.read(each) }));
  const volumes = Object.values(group.Volumes ?? {});
  const distinctHosts = ofJob.some(isDistinctHosts) ? 'job' : ofGroup.some(isDistinctHosts) ? 'group' : undefined;
  return {
    nodePool: job.NodePool ?? 'default',
    datacenters: job.Datacenters ?? [],
    drivers: [...new Set(group.Tasks.map(({ Driver }) => Driver))],
    constraints: [...read.flatMap(({ constraint }) => constraint ?? []), ...volumes.filter(isHostVolume).map(onNode)],
    count: group.Count,
    maxParallel: group.Migrate?.MaxParallel ?? 1,
    ...(distinctHosts && { distinctHosts }),
    unseen: [
      ...read.filter(({ constraint }) => !constraint).map(({ each }) => `constraint ${textOf(each)}`),
      ...(volumes.every((each) => isHostVolume(each) && each.AccessMode === '') ? [] : ['its volumes']),
      ...(group.Networks?.some(({ ReservedPorts }) => ReservedPorts?.length) ? ['its static ports'] : []),
      ...(group.Tasks.some(({ Resources }) => Resources?.Devices?.length) ? ['its devices'] : []),
    ],
  };
}

/** One that is named by its allocation is not looked at. */
const isHostVolume = ({ Type, PerAlloc }: VolumeJson) => Type === 'host' && !PerAlloc;

/** That a node has it, in the scheduler's words. A sticky one that is dynamic is on the node that is left, and nowhere else. */
const onNode = ({ Source, ReadOnly, Sticky }: VolumeJson): Constraint => ({
  text: 'missing compatible host volumes',
  allows: ({ hostVolumes }) => {
    const volume = hostVolumes.get(Source);
    return volume !== undefined && (ReadOnly || !volume.readOnly) && !(Sticky && volume.dynamic);
  },
});

const isDistinctHosts = ({ Operand, RTarget }: ConstraintJson) => Operand === 'distinct_hosts' && RTarget !== 'false';

const textOf = ({ LTarget, Operand, RTarget }: ConstraintJson) =>
  withoutSecrets([LTarget, Operand, RTarget].filter((part) => part !== '').join(' '));

/** What a list says of each node. */
const PROPERTIES: Readonly<Record<string, (client: Client) => string>> = {
  'node.class': ({ nodeClass }) => nodeClass,
  'node.datacenter': ({ datacenter }) => datacenter,
  'node.pool': ({ nodePool }) => nodePool,
  'node.unique.id': ({ id }) => id,
  'node.unique.name': ({ name }) => name,
};

/** Constraints as predicates; of the nodes that one on an attribute allows Nomad is asked once. */
class Constraints {
  readonly #nomad: NomadReads;
  readonly #asked = new Map<string, Promise<ReadonlySet<string> | undefined>>();

  constructor(nomad: NomadReads) {
    this.#nomad = nomad;
  }

  /** @returns undefined if it cannot be told which nodes it allows */
  async read(json: ConstraintJson): Promise<Constraint | undefined> {
    const text = textOf(json);
    const [, target = ''] = /^\$\{(.*)\}$/.exec(json.LTarget) ?? [];
    const property = own(PROPERTIES, target);
    const equals = own(EQUALS, json.Operand);
    // One that compares two properties of the node would need both.
    if (json.RTarget.includes('${')) return undefined;
    if (property && equals !== undefined) {
      return { text, allows: (client) => (property(client) === json.RTarget) === equals };
    }
    const filter = filterOf(target, json);
    const nodeIds = filter === undefined ? undefined : await this.#nodesOf(filter);
    return nodeIds && { text, allows: ({ id }) => nodeIds.has(id) };
  }

  #nodesOf(filter: string): Promise<ReadonlySet<string> | undefined> {
    const known = this.#asked.get(filter);
    if (known) return known;
    if (this.#asked.size >= MOST_CONSTRAINTS) return Promise.resolve(undefined);
    const asked = this.#nomad.nodeIds(filter).then(
      (ids) => new Set(ids),
      () => undefined,
    );
    this.#asked.set(filter, asked);
    return asked;
  }
}

const EQUALS: Readonly<Record<string, boolean>> = { '=': true, '==': true, is: true, '!=': false, not: false };

/** How filters call what {@link PROPERTIES} has. */
const FIELDS: Readonly<Record<string, string>> = {
  'node.class': 'NodeClass',
  'node.datacenter': 'Datacenter',
  'node.pool': 'NodePool',
  'node.unique.id': 'ID',
  'node.unique.name': 'Name',
};

/** The filter on nodes that says the same; undefined where there is none. */
function filterOf(target: string, { Operand, RTarget }: ConstraintJson): string | undefined {
  const field = own(FIELDS, target);
  if (field) return Operand === 'regexp' ? `${field} matches ${quoted(RTarget)}` : undefined;
  const [, kind, key] = /^(attr|meta)\.([\w.-]+)$/.exec(target) ?? [];
  if (!kind || !key) return undefined;
  const map = kind === 'attr' ? 'Attributes' : 'Meta';
  const equals = own(EQUALS, Operand);
  if (equals !== undefined) return `${map}[${quoted(key)}] ${equals ? '==' : '!='} ${quoted(RTarget)}`;
  if (Operand === 'regexp') return `${map}[${quoted(key)}] matches ${quoted(RTarget)}`;
  if (Operand === 'is_set') return `${quoted(key)} in ${map}`;
  return Operand === 'is_not_set' ? `${quoted(key)} not in ${map}` : undefined;
}
