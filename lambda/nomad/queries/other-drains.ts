import pMap from 'p-map';
import type { OtherDrain } from '../../core/queries/ports.ts';
import { withoutSecrets } from '../../free-text.ts';
import { type NodeJson, type NodeStub, own, toNode, toRecord } from '../json/node.ts';
import type { NomadReads } from '../read-only.ts';

/** Nodes that were drained and have not returned to service, those of terminated instances among them. */
const DRAINED = 'SchedulingEligibility == "ineligible"';
/** Nodes read at once. */
const CONCURRENCY = 4;

/** The last drains of ineligible nodes that no deployment of this software has requested, cancelled ones left out. */
export async function drainsOfOthers(nomad: NomadReads): Promise<OtherDrain[]> {
  const { nodes } = await nomad.nodes(DRAINED);
  return nodes.flatMap(toOtherDrain);
}

function toOtherDrain({ ID, Name, LastDrain }: NodeStub): OtherDrain[] {
  if (!LastDrain || LastDrain.Status === 'canceled' || toRecord(LastDrain.Meta)) return [];
  const by = own(LastDrain.Meta, 'drained_by');
  const isOn = LastDrain.Status === 'draining';
  const tookSeconds = isOn ? 0 : (Date.parse(LastDrain.UpdatedAt) - Date.parse(LastDrain.StartedAt)) / 1000;
  return [{ nodeId: ID, nodeName: Name, ...(by && { by: withoutSecrets(by) }), isOn, tookSeconds }];
}

/**
 * How long after its beginning the deadline of the last drain of each of these nodes is, or was, in seconds. Nomad has that of a drain that
 * is on; of one that has ended only whether its deadline came, in one of the last ten events of the node.
 */
export async function drainDeadlines(
  nomad: NomadReads,
  nodeIds: readonly string[],
): Promise<Map<string, number | 'never'>> {
  const nodes = await pMap(nodeIds, (id) => nomad.node(id), { concurrency: CONCURRENCY });
  return new Map(
    nodes.flatMap((node) => {
      const deadline = node && secondsToDeadline(node);
      return node && deadline !== undefined ? [[node.ID, deadline] as const] : [];
    }),
  );
}

function secondsToDeadline(node: NodeJson): number | 'never' | undefined {
  // All times are by Nomad's clock, so that its offset cancels out.
  const { drain } = toNode(node, { skewMs: 0, deployment: '' });
  if (!drain) return undefined;
  const at = drain.deadlineReached ? drain.updatedAt : drain.deadlineAt;
  return typeof at === 'number' ? Math.max(0, (at - drain.startedAt) / 1000) : at;
}
