import { unregister } from '../client/registration.ts';
import { rfc3339, wholeSeconds } from '../go-values.ts';
import { type Node, terminal } from '../model.ts';
import { filterableNode, nodeStub, seconds } from '../nodes.ts';
import { allocationJson } from './allocation-json.ts';
import { allow, answer, bodyOf, type Call, type Endpoint, HttpError, page, written } from './http.ts';
import { checkPrefix } from './lists.ts';

interface DrainRequest {
  DrainSpec?: { Deadline?: unknown; IgnoreSystemJobs?: boolean } | null;
  MarkEligible?: boolean;
  Meta?: Record<string, string> | null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const checkId = (id: string) => {
  if (id.length !== 36) throw new HttpError(500, 'node lookup failed: index error: UUID must be 36 characters');
  if (!UUID.test(id)) throw new HttpError(500, `node lookup failed: index error: Invalid UUID: ${id}`);
};

/** Writes to an unknown node fail with 500, where reads answer 404. */
const nodeToWrite = ({ servers, identity, parts }: Call): Node => {
  allow(identity.permissions.nodeWrite);
  checkId(parts[0] ?? '');
  const node = servers.state.nodes.get(parts[0] ?? '');
  if (!node) throw new HttpError(500, 'node not found');
  return node;
};

const TRUE = /^(1|t|T|true|TRUE|True)$/;
const FALSE = /^(0|f|F|false|FALSE|False)$/;

/** Whether a field of the list is asked for. */
const asked = ({ query }: Call, field: string): boolean => {
  const given = query.get(field) ?? '';
  if (TRUE.test(given)) return true;
  if (given === '' || FALSE.test(given)) return false;
  const why = `strconv.ParseBool: parsing ${JSON.stringify(given)}: invalid syntax`;
  throw new HttpError(
    400,
    `Failed to parse node list fields: Failed to parse value of "${field}" (${given}) as a bool: ${why}`,
  );
};

export const listNodes: Endpoint = (call) => {
  const { state } = call.servers;
  allow(call.identity.permissions.nodeRead);
  const prefix = call.query.get('prefix') ?? '';
  checkPrefix(prefix, 'node');
  const fields = { resources: asked(call, 'resources'), os: asked(call, 'os') };
  return answer(call, {
    index: () => state.indexOf('nodes'),
    read: () => {
      const nodes = [...state.nodes.values()].filter(({ ID }) => ID.startsWith(prefix));
      nodes.sort((a, b) => (a.ID < b.ID ? -1 : 1));
      return page(
        call,
        nodes,
        ({ ID }) => ID,
        filterableNode,
        (node) => nodeStub(node, fields),
      );
    },
  });
};

export const readNode: Endpoint = (call) => {
  const { state } = call.servers;
  const id = call.parts[0] ?? '';
  allow(call.identity.permissions.nodeRead);
  checkId(id);
  return answer(call, {
    index: () => state.nodes.get(id)?.ModifyIndex ?? state.indexOf('nodes'),
    read: () => {
      const node = state.nodes.get(id);
      if (!node) throw new HttpError(404, 'node not found', state.indexOf('nodes'));
      return node;
    },
  });
};

/** The trap of `acl`: allocations in namespaces that the token may not read are left out, and nothing says so. */
export const nodeAllocations: Endpoint = (call) => {
  const { state } = call.servers;
  const id = call.parts[0] ?? '';
  const { permissions } = call.identity;
  allow(permissions.nodeRead);
  const all = () => state.allocationsOn(id);
  return answer(call, {
    index: () => {
      const allocations = all();
      return allocations.length > 0
        ? Math.max(...allocations.map(({ ModifyIndex }) => ModifyIndex))
        : Math.max(1, state.indexOf('allocs'));
    },
    read: () => {
      const readable = all().filter(({ Namespace }) => permissions.namespace(Namespace, 'read-job'));
      // Nomad's index of allocations by node has the terminal ones last.
      return [...readable.filter((a) => !terminal(a)), ...readable.filter(terminal)].map(allocationJson);
    },
  });
};

export const drainNode: Endpoint = (call) => {
  const { state, drainer, scheduler } = call.servers;
  const { DrainSpec, MarkEligible, Meta } = bodyOf<DrainRequest>(call, 'api.NodeUpdateDrainRequest');
  const deadline = DrainSpec?.Deadline ?? 0;
  if (typeof deadline !== 'number') {
    throw new HttpError(
      400,
      `json: cannot unmarshal ${typeof deadline} into Go struct field DrainSpec.DrainSpec.Deadline of type time.Duration`,
    );
  }
  const node = nodeToWrite(call);
  const now = state.now();
  const before = node.DrainStrategy;
  const wasIneligible = node.SchedulingEligibility === 'ineligible';
  const index = state.next();
  if (DrainSpec) {
    node.DrainStrategy = {
      Deadline: deadline,
      ForceDeadline: deadline > 0 ? rfc3339(now + deadline / 1e6) : null,
      IgnoreSystemJobs: DrainSpec.IgnoreSystemJobs === true,
      // A second request moves the deadline, not the start (`drain-twice`).
      StartedAt: before?.StartedAt ?? rfc3339(now),
    };
    node.SchedulingEligibility = 'ineligible';
  } else {
    node.DrainStrategy = null;
    if (MarkEligible) node.SchedulingEligibility = 'eligible';
  }
  node.Drain = node.DrainStrategy !== null;
  const message = before ? (DrainSpec ? 'strategy updated' : 'disabled') : DrainSpec ? 'strategy set' : undefined;
  if (message) {
    state.addEvent(node, index, { Subsystem: 'Drain', Message: `Node drain ${message}` });
    const meta = Meta && Object.keys(Meta).length > 0 ? Meta : null;
    const last = before ? node.LastDrain : null;
    node.LastDrain = {
      AccessorID: `token:${call.identity.token.AccessorID}`,
      Meta: meta ?? last?.Meta ?? null,
      StartedAt: last?.StartedAt ?? wholeSeconds(now),
      Status: DrainSpec ? 'draining' : 'canceled',
      UpdatedAt: wholeSeconds(now),
    };
  }
  node.StatusUpdatedAt = seconds(state);
  node.ModifyIndex = index;
  state.commit(index, 'nodes');
  if (DrainSpec) drainer.update(node);
  else drainer.remove(node.ID);
  const evaluations = wasIneligible && MarkEligible && !DrainSpec ? scheduler.nodeChanged(node) : [];
  return written(index, {
    EvalCreateIndex: evaluations[0]?.CreateIndex ?? 0,
    EvalIDs: evaluations.length > 0 ? evaluations.map(({ ID }) => ID) : null,
    Index: index,
    NodeModifyIndex: index,
  });
};

export const setEligibility: Endpoint = (call) => {
  const { state, scheduler } = call.servers;
  const { Eligibility } = bodyOf<{ Eligibility?: string }>(call, 'structs.NodeUpdateEligibilityRequest');
  allow(call.identity.permissions.nodeWrite);
  if (Eligibility !== 'eligible' && Eligibility !== 'ineligible') {
    throw new HttpError(500, `invalid scheduling eligibility "${Eligibility ?? ''}"`);
  }
  const node = nodeToWrite(call);
  if (node.DrainStrategy && Eligibility === 'eligible') {
    throw new HttpError(500, "can not set node's scheduling eligibility to eligible while it is draining");
  }
  if (node.SchedulingEligibility === Eligibility) {
    return written(0, { EvalCreateIndex: 0, EvalIDs: null, Index: 0, NodeModifyIndex: 0 });
  }
  const index = state.next();
  node.SchedulingEligibility = Eligibility;
  node.StatusUpdatedAt = seconds(state);
  node.ModifyIndex = index;
  state.addEvent(node, index, { Subsystem: 'Cluster', Message: `Node marked as ${Eligibility} for scheduling` });
  state.commit(index, 'nodes');
  const evaluations = Eligibility === 'eligible' ? scheduler.nodeChanged(node) : [];
  return written(index, {
    EvalCreateIndex: evaluations[0]?.CreateIndex ?? 0,
    EvalIDs: evaluations.length > 0 ? evaluations.map(({ ID }) => ID) : null,
    Index: index,
    NodeModifyIndex: 0,
  });
};

export const purgeNode: Endpoint = (call) => {
  const { index, evaluations } = unregister(call.servers, nodeToWrite(call));
  return written(index, {
    EvalCreateIndex: evaluations[0]?.CreateIndex ?? 0,
    EvalIDs: evaluations.length > 0 ? evaluations.map(({ ID }) => ID) : null,
    Features: 0,
    HeartbeatTTL: 0,
    Index: index,
    KnownLeader: false,
    LastContact: 0,
    LeaderRPCAddr: '',
    NextToken: '',
    NodeModifyIndex: index,
    NumNodes: 0,
    SchedulingEligibility: '',
    Servers: null,
    SignedIdentity: null,
  });
};
