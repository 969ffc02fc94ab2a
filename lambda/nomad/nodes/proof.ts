import pMap from 'p-map';
import type { Clock, EpochMs } from '../../core/model/clock.ts';
import type { NomadNode, Readiness, Settling } from '../../core/model/node.ts';
import { type Observation, present } from '../../core/model/observation.ts';
import type { Termination } from '../../core/model/termination.ts';
import { NomadError } from '../../errors.ts';
import type { Permissions } from '../acl.ts';
import type { NomadApi } from '../api.ts';
import { ineligibleSince, type NodeJson, type NodeStub, ourRecord, toNode } from '../json/node.ts';
import { type ClosedWorldOptions, laterIdentities, mayBeIt } from './closed-world.ts';
import { ineligibleBy } from './eligibility.ts';
import { contradiction, findNodes, isLive, nodesOfEach, notFound } from './find-nodes.ts';
import { namingNone } from './identity.ts';
import { allocationsOf, copying, type ReadNodeOptions, readerOf } from './read-node.ts';

/** Instances looked at, at once: as many as there are connections to Nomad. */
const CONCURRENCY = 8;

export interface ProofOptions extends ClosedWorldOptions, ReadNodeOptions {
  /** What an operator calls the token. */
  tokenName: string;
}

interface Proved {
  /** What the token may do, if Nomad said so before and after. */
  permissions: Permissions | undefined;
  /** Of each instance what Nomad says of it, or why it does not. */
  seen: Map<string, Observation | Error>;
}

/** What is asked once for all. */
interface Asked extends ProofOptions {
  nomad: NomadApi;
  /** When this run has had drains accepted, by the ids of their nodes. */
  acceptedAt: ReadonlyMap<string, EpochMs>;
  leader: string;
  /** Evaluations that were not done, by the Raft indexes at which they were created. */
  pending: readonly number[];
  /** Every node names an instance. */
  allNamed: boolean;
  /** The nodes that name each instance, where one question has told several. */
  named: ReadonlyMap<string, readonly NodeStub[]>;
}

/**
 * The second look, before instances are released: past all that a function remembers. It reads what the token may see before and after the
 * lists, by the same token; whether Nomad still works on a placement; and of each instance its nodes, by every way by which they can be
 * known, and all their allocations. It never throws: what cannot be read is unanswered.
 *
 * @param known the ids of the nodes of an instance that this run has seen
 */
export async function prove(
  nomad: NomadApi,
  terminations: readonly Termination[],
  known: (termination: Termination) => Iterable<string>,
  options: ProofOptions & Pick<Asked, 'acceptedAt'>,
): Promise<Proved> {
  const seen = new Map<string, Observation | Error>();
  try {
    const before = await nomad.permissions(options.tokenName);
    const leader = await nomad.leaderAtHand();
    const pending = await pendingSince(nomad, options.clock);
    const allNamed = !(await nomad.hasNode(namingNone(undefined)));
    const ids = terminations.map(({ instanceId }) => instanceId);
    const named = ids.length > 1 ? await nodesOfEach(nomad, ids, options) : new Map();
    const asked = { ...options, nomad, leader, pending, allNamed, named };
    await pMap(
      terminations,
      async (each) => {
        seen.set(each.instanceId, await look(asked, each, known(each)).catch(toError));
      },
      { concurrency: CONCURRENCY },
    );
    const after = await nomad.permissions(options.tokenName);
    const narrow = before.everyNamespace ? after : before;
    return { permissions: narrow, seen };
  } catch (error) {
    // Without it nothing that was read proves anything.
    for (const { instanceId } of terminations) seen.set(instanceId, toError(error));
    return { permissions: undefined, seen };
  }
}

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** The Raft indexes of the evaluations that are not done; none where the token may not read them. */
async function pendingSince(nomad: NomadApi, clock: Clock): Promise<number[]> {
  const evaluations = await nomad.pendingEvaluations().catch((error) => {
    if (error instanceof NomadError && error.status === 403) return [];
    throw error;
  });
  const isDue = (waitUntil = '') => !(Date.parse(waitUntil) - (nomad.skewMs ?? 0) > clock.now());
  return evaluations.filter(({ WaitUntil }) => isDue(WaitUntil)).map(({ CreateIndex }) => CreateIndex);
}

async function look(asked: Asked, termination: Termination, known: Iterable<string>): Promise<Observation> {
  const { nomad, nodeMetaKey, allNamed } = asked;
  const named = asked.named.get(termination.instanceId);
  const found = await findNodes(nomad, termination, nodeMetaKey, { named, everyWay: true, allNamed });
  if (!('nodes' in found)) return notFound(found);

  const ids = new Set([...found.nodes.map(({ ID }) => ID), ...known]);
  const nodes: { json: NodeJson; node: NomadNode }[] = [];
  for (const id of ids) {
    const listed = found.nodes.find(({ ID }) => ID === id);
    const read = await readNode(asked, id, termination);
    if (read) nodes.push(read);
    else if (listed) throw contradiction(listed);
  }
  // Its agent may live on under another identity.
  const ofIt = nodes.map(({ json }) => json);
  if (!allNamed && !ofIt.some(isLive)) {
    const others = await mayBeIt(nomad, asked, termination.instanceId, {
      since: Math.max(0, ...ofIt.map(({ CreateIndex }) => CreateIndex)),
      now: asked.clock.now(),
    });
    if (others.length > 0) return { is: 'unproven', nodes: others.map(called) };
  } else if (!allNamed) {
    const [later] = await laterIdentities(nomad, asked, termination.instanceId, {
      earlier: ofIt,
      now: asked.clock.now(),
    });
    if (later) return { is: 'unanswered', because: `its agent may have just come back as node ${called(later)}` };
  }
  return nodes.length > 0 ? present(nodes.map(({ node }) => node)) : { is: 'absent', seen: ids.size > 0 };
}

const called = ({ Name, ID }: NodeStub): string => `${Name} (${ID})`;

/** A node with all that a release rests on; undefined if Nomad has none of this id. */
async function readNode(
  asked: Asked,
  id: string,
  { instanceId, policy, launch }: Termination,
): Promise<{ json: NodeJson; node: NomadNode } | undefined> {
  const { nomad, clock, deployment } = asked;
  const json = await nomad.node(id);
  if (!json) return undefined;
  const settling = settlingOf(asked, json, clock.now());
  const sinceMs = clock.now() - (json.StatusUpdatedAt * 1000 - (nomad.skewMs ?? 0));
  const node = toNode(json, readerOf(nomad, asked));
  const read = await allocationsOf(nomad, node, policy, asked);
  const proven = { ...node, ...read, copying: await copying(nomad, read.allocations), settling };
  return {
    json,
    node: launch ? { ...proven, readiness: readinessOf(json, { instanceId, deployment }, sinceMs) } : proven,
  };
}

/** What the node says of itself before its instance is put into service. @param settledForMs since its status and eligibility changed */
function readinessOf(
  json: NodeJson,
  { instanceId, deployment }: { instanceId: string; deployment: string },
  settledForMs: number,
): Readiness {
  const ineligible = ineligibleBy(json, instanceId, deployment);
  const drivers = Object.entries(json.Drivers ?? {}).filter(([, { Detected }]) => Detected);
  return {
    drivers: new Map(
      drivers.map(([name, { Healthy, HealthDescription }]) => [
        name,
        { healthy: Healthy, description: HealthDescription },
      ]),
    ),
    settledForMs,
    ...(ineligible && { ineligible }),
  };
}

function settlingOf({ nomad, acceptedAt, leader, pending, deployment }: Asked, json: NodeJson, now: number): Settling {
  const { at, index } = ineligibleSince(json, nomad.skewMs);
  const since = Math.max(at, acceptedAt.get(json.ID) ?? Number.NEGATIVE_INFINITY);
  return {
    ineligibleForMs: json.SchedulingEligibility === 'ineligible' ? now - since : 0,
    sameLeader: leader !== '' && ourRecord(json, deployment)?.leader === leader,
    olderEvaluations: pending.filter((created) => created <= index).length,
  };
}
