import type { Servers } from '../api/http.ts';
import { moveMetadata } from '../api/metadata-endpoints.ts';
import type { Node } from '../model.ts';
import { type NodeSpec, registerNode, specOf } from '../nodes.ts';
import type { Evaluation } from '../scheduler/evaluation.ts';

/** A live client learns at its next heartbeat that its node is not known any more, and registers anew: 7 to 8 s were seen. */
const REREGISTER_MS = 7500;

/** The servers forget a node: what they listed there is lost. If its agent lives, it comes back. */
export const unregister = (servers: Servers, node: Node): { index: number; evaluations: Evaluation[] } => {
  const { state, drainer, scheduler } = servers;
  const index = state.next();
  state.nodes.delete(node.ID);
  drainer.remove(node.ID);
  state.commit(index, 'nodes');
  const evaluations = scheduler.nodeChanged(node);
  state.clock.after(REREGISTER_MS, () => registerAnew(servers, node.ID));
  return { index, evaluations };
};

/** The same id, and nothing else of what was: eligible, without a last drain, and there for new work at once. */
export const registerAnew = (servers: Servers, nodeId: string): void => {
  const { state, clients, scheduler } = servers;
  const client = clients.get(nodeId);
  if (!client?.connected || state.nodes.has(nodeId)) return;
  const anew = registerNode(state, specOf(client.node), nodeId);
  moveMetadata(client.node, anew);
  client.node = anew;
  scheduler.nodeChanged(anew);
  // It learns which allocations to stop, and reports their state.
  client.reconnect();
};

/** How an agent comes back. */
export interface Comeback {
  /** Its fingerprint of EC2 fails: nothing says which instance it is. */
  withoutFingerprint?: boolean | undefined;
  address?: string | undefined;
}

export const comebackOf = (spec: NodeSpec, { withoutFingerprint, address }: Comeback): NodeSpec => {
  const { 'unique.network.ip-address': _, 'unique.advertise.address': __, ...kept } = spec.attributes ?? {};
  const attributes = Object.entries(kept).filter(([key]) => !(withoutFingerprint && key.includes('platform.aws.')));
  return {
    ...spec,
    ...(address === undefined ? {} : { address }),
    attributes: Object.fromEntries(attributes),
  };
};

/** The same node with other attributes, as its agent finds them at its start. What the servers keep of a node stays. */
export const reregister = ({ state, scheduler }: Servers, node: Node, how: Comeback): void => {
  const { attributes, address } = comebackOf(specOf(node), how);
  if (how.withoutFingerprint) node.Links = {};
  node.HTTPAddr = `${address}${node.HTTPAddr.slice(node.HTTPAddr.lastIndexOf(':'))}`;
  node.Attributes = {
    ...attributes,
    'unique.network.ip-address': address ?? '',
    'unique.advertise.address': node.HTTPAddr,
  };
  node.ModifyIndex = state.next();
  state.commit(node.ModifyIndex, 'nodes');
  scheduler.nodeChanged(node);
};
