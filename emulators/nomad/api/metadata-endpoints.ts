import type { Node } from '../model.ts';
import { allow, bodyOf, type Call, type Endpoint, HttpError, told } from './http.ts';

/** A client registers its changed node anew after 5 s and a random part of 5 s more: half of it, so that runs repeat. */
const REREGISTER_MS = 7500;

/** Identifiers as HCL has them, joined by dots: what constraints can name. */
const KEY = /^[\p{ID_Start}][\p{ID_Continue}-]*(\.[\p{ID_Start}][\p{ID_Continue}-]*)*$/u;

/** What a client knows of its own metadata, before its servers do. */
interface Metadata {
  /** Of the agent's configuration. */
  Static: Record<string, string>;
  /** Set since; null hides a key of the configuration. */
  Dynamic: Record<string, string | null>;
  /** Cancels the registration that is due. */
  due?: (() => void) | undefined;
}

const KNOWN = new WeakMap<Node, Metadata>();

const known = (node: Node): Metadata => {
  const metadata = KNOWN.get(node) ?? { Static: { ...node.Meta }, Dynamic: {} };
  KNOWN.set(node, metadata);
  return metadata;
};

const merged = ({ Static, Dynamic }: Metadata): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ ...Static, ...Dynamic }).filter((entry): entry is [string, string] => entry[1] !== null),
  );

const shown = (metadata: Metadata) => ({
  Dynamic: metadata.Dynamic,
  Meta: merged(metadata),
  Static: metadata.Static,
});

/** A client that comes back registers its node with the metadata that it has kept on its disk. */
export function registerMetadata(node: Node): void {
  const metadata = KNOWN.get(node);
  if (metadata) node.Meta = merged(metadata);
}

/** The same client, under a node of its own anew. */
export function moveMetadata(from: Node, to: Node): void {
  const metadata = KNOWN.get(from);
  if (!metadata) return;
  metadata.due?.();
  metadata.due = undefined;
  KNOWN.set(to, metadata);
  to.Meta = merged(metadata);
}

/** The node whose client is asked. */
const nodeToAsk = ({ servers }: Call, id: string): Node => {
  if (id === '') throw new HttpError(400, 'No local Node and node_id not provided');
  if (id.length !== 36) throw new HttpError(500, 'node lookup failed: index error: UUID must be 36 characters');
  const node = servers.state.nodes.get(id);
  if (!node) throw new HttpError(500, `Unknown node ${id}`);
  if (!servers.clients.get(id)?.connected) throw new HttpError(404, 'No path to node');
  return node;
};

export const readMetadata: Endpoint = (call) => {
  allow(call.identity.permissions.nodeRead);
  const node = nodeToAsk(call, call.query.get('node_id') ?? '');
  return told(shown(known(node)));
};

/** Sets or, by null, removes metadata of a client while it runs. The client tells its servers of it later. */
export const applyMetadata: Endpoint = (call) => {
  const { state, scheduler, clients } = call.servers;
  if (call.request.method === 'PUT') throw new HttpError(405, 'Invalid method');
  const { NodeID, Meta } = bodyOf<{ NodeID?: string; Meta?: Record<string, string | null> | null }>(
    call,
    'structs.NodeMetaApplyRequest',
  );
  allow(call.identity.permissions.nodeWrite);
  const node = nodeToAsk(call, call.query.get('node_id') || NodeID || '');
  if (!Meta || Object.keys(Meta).length === 0) throw new HttpError(400, 'missing required Meta object');
  for (const key of Object.keys(Meta)) {
    if (key === '') throw new HttpError(400, 'metadata keys must not be empty');
    if (!KEY.test(key)) {
      throw new HttpError(400, `${JSON.stringify(key)} is invalid; metadata keys must be valid dotted hcl identifiers`);
    }
  }
  const metadata = known(node);
  for (const [key, value] of Object.entries(Meta)) {
    if (value === null && !(key in metadata.Static)) delete metadata.Dynamic[key];
    else metadata.Dynamic[key] = value;
  }
  metadata.due ??= state.clock.after(REREGISTER_MS, () => {
    metadata.due = undefined;
    if (!clients.get(node.ID)?.connected || state.nodes.get(node.ID) !== node) return;
    node.Meta = merged(metadata);
    node.ModifyIndex = state.next();
    state.commit(node.ModifyIndex, 'nodes');
    scheduler.nodeChanged(node);
  });
  return told(shown(metadata));
};
