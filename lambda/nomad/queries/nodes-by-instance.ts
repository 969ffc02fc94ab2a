import { naming } from '../nodes/identity.ts';
import type { NomadReads } from '../read-only.ts';

/** How many queries name each instance; no two instances share the same set of queries. */
const TIMES = 3;
/** Up to this number, each instance has its own query: that takes no more queries. */
const FEW = 5;
/** Instances named in one question: a load balancer takes 16 kB of a request's first line. */
const MOST_NAMED = 300;
/** Beyond this number of instances the answers would come too late to be useful. */
const MOST_INSTANCES = 4_000;
/** How long it is remembered which node is which instance, in milliseconds: a data directory may move to another one. */
const REMEMBERED_MS = 600_000;

/**
 * Which node is which instance. A node in a list does not say it, and a filter only selects: so each instance is named in three
 * of a few questions, no two in the same three (docs/decisions/0007). A node that is in none, in other than three answers, or in
 * three that no instance is in, is unknown: one that registers meanwhile is never taken for another.
 *
 * A warm function remembers the answers.
 */
export class WhoIsWho {
  readonly #nodeMetaKey: string | undefined;
  #instanceOf = new Map<string, string>();
  /** The nodes that there were when it was asked. */
  #seen = new Set<string>();
  #askedAt = 0;

  /** @param nodeMetaKey a key of the node's own Meta that holds the instance id */
  constructor(nodeMetaKey: string | undefined) {
    this.#nodeMetaKey = nodeMetaKey;
  }

  /** @returns the instance of each of these nodes, by the node's id, as far as they are among the instances */
  async of(
    nodeIds: readonly string[],
    instanceIds: readonly string[],
    nomad: NomadReads,
    now: number,
  ): Promise<ReadonlyMap<string, string>> {
    // The agent of an instance that is known may have come back as a new node.
    const anew = now - this.#askedAt > REMEMBERED_MS || nodeIds.some((id) => !this.#seen.has(id));
    const known = new Set(anew ? [] : this.#instanceOf.values());
    const unknown = instanceIds.filter((id) => !known.has(id)).slice(0, MOST_INSTANCES);
    const found = await ask(unknown, nomad, this.#nodeMetaKey);
    this.#instanceOf = anew ? found : new Map([...this.#instanceOf, ...found]);
    if (anew) {
      this.#seen = new Set(nodeIds);
      this.#askedAt = now;
    }
    const wanted = new Set(instanceIds);
    return new Map([...this.#instanceOf].filter(([, instanceId]) => wanted.has(instanceId)));
  }
}

async function ask(
  instanceIds: readonly string[],
  nomad: NomadReads,
  nodeMetaKey: string | undefined,
): Promise<Map<string, string>> {
  const codes = codesFor(instanceIds.length);
  const questions = new Map<number, string[]>();
  const instanceBy = new Map<string, string>();
  for (const [index, id] of instanceIds.entries()) {
    const code = codes[index] ?? [];
    instanceBy.set(code.join(), id);
    for (const question of code) questions.set(question, [...(questions.get(question) ?? []), id]);
  }
  const answers = await Promise.all(
    [...questions].map(async ([question, ids]) => ({
      question,
      nodeIds: await nomad.nodeIds(naming(ids, nodeMetaKey)),
    })),
  );
  const codeOf = new Map<string, number[]>();
  for (const { question, nodeIds } of answers) {
    for (const id of nodeIds) codeOf.set(id, [...(codeOf.get(id) ?? []), question]);
  }
  const found = new Map<string, string>();
  for (const [nodeId, code] of codeOf) {
    const instanceId = instanceBy.get(code.toSorted((one, other) => one - other).join());
    if (instanceId !== undefined) found.set(nodeId, instanceId);
  }
  return found;
}

/** For each of `count` instances the queries that name it, in ascending order: all different, spread over the queries. */
function codesFor(count: number): number[][] {
  if (count <= FEW) return Array.from({ length: count }, (_, index) => [index]);
  let questions = Math.ceil((TIMES * count) / MOST_NAMED);
  while ((questions * (questions - 1) * (questions - 2)) / 6 < count) questions++;
  const all: number[][] = [];
  for (let a = 0; a < questions; a++)
    for (let b = a + 1; b < questions; b++) for (let c = b + 1; c < questions; c++) all.push([a, b, c]);
  const step = Math.floor(all.length / count);
  return Array.from({ length: count }, (_, index) => all[index * step] ?? []);
}
