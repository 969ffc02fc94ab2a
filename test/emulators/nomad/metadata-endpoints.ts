import { allow, bodyOf, type Endpoint, HttpError, written } from './http.ts';

/** Sets or, by null, removes metadata of a client while it runs. The client tells its servers of it. */
export const applyMetadata: Endpoint = (call) => {
  const { state, scheduler, clients } = call.servers;
  const { NodeID, Meta } = bodyOf<{ NodeID?: string; Meta?: Record<string, string | null> | null }>(
    call,
    'structs.NodeMetaApplyRequest',
  );
  allow(call.identity.permissions.nodeWrite);
  const id = call.query.get('node_id') || NodeID || '';
  const node = state.nodes.get(id);
  if (!node || !clients.get(id)?.connected) throw new HttpError(404, `Unknown node "${id}"`);
  if (!Meta) throw new HttpError(400, 'missing required Meta object');
  const meta = Object.entries({ ...node.Meta, ...Meta }).filter(
    (entry): entry is [string, string] => entry[1] !== null,
  );
  node.Meta = Object.fromEntries(meta);
  node.ModifyIndex = state.next();
  state.commit(node.ModifyIndex, 'nodes');
  scheduler.nodeChanged(node);
  return written(node.ModifyIndex, { Dynamic: Meta, Meta: node.Meta, Static: {} });
};
