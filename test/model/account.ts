import { MINUTE, type World } from '../../emulators/world/world.ts';

/** An order to Nomad that has reached it, or the end of an instance's wait. */
export interface Deed {
  /** Milliseconds since the epoch. */
  at: number;
  what: string;
  /** How a wait ended, as the log says it: a run that was killed over its completion has logged nothing. */
  outcome?: unknown;
}

/** What the function has done in a story, and what each step of it found. */
export class Account {
  readonly steps: { at: number; found: string }[] = [];
  endedAt = Number.POSITIVE_INFINITY;
  /** Faults make those wait who have to ask more: until when, milliseconds since the epoch. */
  readonly trouble: { from: number; to: number }[] = [];
  /** Of what it has seen alive, something has gone out of sight without an end: forgotten by the servers, or by the token. */
  outOfSight = false;
  readonly #world: World;
  readonly #secrets: readonly string[];
  readonly #instanceIds: readonly string[];
  readonly #names = new Map<string, string>();

  constructor(world: World, secrets: readonly string[], instanceIds: readonly string[]) {
    this.#world = world;
    this.#secrets = secrets;
    this.#instanceIds = instanceIds;
  }

  /** Ids differ where the function asks differently: a node is known by its instance, and by which of its agents it is. */
  name(nodeId: string, instanceId: string): void {
    const builder = `builder ${this.#instanceIds.indexOf(instanceId)}`;
    const agents = [...this.#names.values()].filter((name) => name.startsWith(builder)).length;
    this.#names.set(nodeId, `${builder}, agent ${agents + 1}`);
  }

  /** Of each node and instance, in order; the same order in a row counts once. */
  deeds(): Map<string, Deed[]> {
    const { nomad, aws } = this.#world;
    const deeds = new Map<string, Deed[]>();
    const note = (who: string | undefined, deed: Deed) => {
      if (who === undefined) return;
      const before = deeds.get(who) ?? [];
      if (before.at(-1)?.what !== deed.what) deeds.set(who, [...before, deed]);
    };
    for (const { method, path, query, token, at } of nomad.requests) {
      if (method === 'GET' || token === nomad.managementToken || !this.#secrets.includes(token)) continue;
      const [, nodeId = query.node_id, what = 'metadata'] = /^\/v1\/node\/([^/]+)\/(\w+)$/.exec(path) ?? [];
      note(this.#names.get(nodeId ?? ''), { at, what });
    }
    for (const { instanceId, at, by, result } of aws.completions) {
      const builder = this.#instanceIds.indexOf(instanceId);
      if (builder < 0) continue;
      const outcome = this.#world.log.find(
        (line) => line.message === 'instance released' && line.instanceId === instanceId,
      );
      note(`builder ${builder}`, { at, what: `${by}: ${result}`, outcome: outcome?.outcome });
    }
    return deeds;
  }
}

/** One and the same order comes up to a sweep later, and a run of a sweep lasts a minute. */
const SLACK_MS = 1.5 * MINUTE;

/**
 * What a warm and a cold function have done differently in the same story. It is compared as long as the story goes the same way: up
 * to the first step that found its instance in another state.
 */
export function differences(warm: Account, cold: Account): string[] {
  const slack = SLACK_MS + driftOf(warm, cold) + troubleOf(warm) + troubleOf(cold);
  const until = Math.min(partAt(warm, cold), warm.endedAt, cold.endedAt) - slack;
  const [ofWarm, ofCold] = [warm.deeds(), cold.deeds()];
  return [...new Set([...ofWarm.keys(), ...ofCold.keys()])].flatMap((who) => {
    const [here, there] = [ofWarm.get(who) ?? [], ofCold.get(who) ?? []];
    for (let nth = 0; nth < Math.max(here.length, there.length); nth++) {
      const [one, other] = [here[nth], there[nth]];
      if (Math.min(one?.at ?? other?.at ?? 0, other?.at ?? Number.POSITIVE_INFINITY) >= until) return [];
      if (isSame(one, other) && Math.abs((one?.at ?? 0) - (other?.at ?? 0)) <= slack) continue;
      if (isAllowed(warm, one, other)) return [];
      return [`${who}: warm ${said(one)}, cold ${said(other)}`];
    }
    return [];
  });
}

const isSame = (one: Deed | undefined, other: Deed | undefined): boolean =>
  one?.what === other?.what &&
  (one?.outcome === undefined || other?.outcome === undefined || one.outcome === other.outcome);

/** What a warm function is meant to know that a cold one cannot. */
function isAllowed(warm: Account, one: Deed | undefined, other: Deed | undefined): boolean {
  // Allocations that it has seen alive, and that are out of sight, hold their instance: it only goes later, if at all.
  return warm.outOfSight && other !== undefined && (one === undefined || one.at > other.at);
}

const said = (deed: Deed | undefined): string =>
  deed
    ? `${[deed.what, deed.outcome ?? []].flat().join(', ')} at ${new Date(deed.at).toISOString().slice(11, 19)}`
    : 'nothing';

/** How far apart the two plays are: one may have waited longer in a step. */
function driftOf(warm: Account, cold: Account): number {
  const drifts = warm.steps.map(({ at }, nth) => Math.abs(at - (cold.steps[nth]?.at ?? at)));
  return Math.max(0, ...drifts);
}

const troubleOf = ({ trouble }: Account): number => trouble.reduce((sum, { from, to }) => sum + to - from, 0);

/** When the first step found something else, milliseconds since the epoch. */
function partAt(warm: Account, cold: Account): number {
  const nth = warm.steps.findIndex(({ found }, index) => found !== cold.steps[index]?.found);
  if (nth < 0) return Number.POSITIVE_INFINITY;
  return Math.min(warm.steps[nth]?.at ?? 0, cold.steps[nth]?.at ?? 0);
}
