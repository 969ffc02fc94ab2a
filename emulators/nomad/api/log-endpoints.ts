import { framesOf, logFilesOf, plainOf, positionOf } from '../client/logs.ts';
import { type Allocation, groupOf } from '../model.ts';
import { type Call, type Endpoint, HttpError } from './http.ts';

/** What tasks have written, as their Meta says; refusals are 500, not 403 (`acl`). */
export const readLogs: Endpoint = (call) => {
  const { query, servers } = call;
  const { name, type, origin, offset } = asked(call);
  const allocation = allocationToRead(call);
  const task = groupOf(allocation).Tasks.find(({ Name }) => Name === name);
  if (!task || !allocation.TaskStates?.[name]) throw new HttpError(400, `unknown task name "${name}"`);
  if (!allocation.TaskStates[name].StartedAt) {
    throw new HttpError(404, `task "${name}" not started yet. No logs available`);
  }
  const files = logFilesOf(task, allocation, type, servers.state.now());
  const from = positionOf(files, origin, offset);
  const plain = query.get('plain') === 'true';
  return {
    status: 200,
    headers: { 'Content-Type': plain ? 'text/plain' : 'application/json' },
    body: plain ? plainOf(files, from) : framesOf(files, from),
  };
};

/** The agent that is asked checks these, before the allocation is looked up. */
const asked = ({ query }: Call) => {
  const name = query.get('task');
  if (!name) throw new HttpError(400, 'must provide task name');
  const type = query.get('type');
  if (type !== 'stdout' && type !== 'stderr') throw new HttpError(400, 'must provide log type (stdout/stderr)');
  const given = query.get('offset') ?? '0';
  if (!/^-?\d+$/.test(given)) {
    throw new HttpError(400, `error parsing offset: strconv.ParseInt: parsing "${given}": invalid syntax`);
  }
  const origin = query.get('origin') || 'start';
  if (origin !== 'start' && origin !== 'end') throw new HttpError(400, 'origin must be start or end');
  return { name, type, origin, offset: Number(given) } as const;
};

const allocationToRead = ({ servers, identity, parts }: Call): Allocation => {
  const id = parts[0] ?? '';
  if (id.length !== 36) throw new HttpError(500, 'alloc lookup failed: index error: UUID must be 36 characters');
  const allocation = servers.state.allocations.get(id);
  if (!allocation) throw new HttpError(404, `Unknown allocation "${id}"`);
  const { permissions } = identity;
  if (!['read-logs', 'read-fs'].some((capability) => permissions.namespace(allocation.Namespace, capability))) {
    throw new HttpError(500, 'Permission denied');
  }
  if (servers.clients.get(allocation.NodeID)?.connected !== true) throw new HttpError(404, 'No path to node');
  return allocation;
};
