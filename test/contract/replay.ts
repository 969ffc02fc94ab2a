import { ManualClock } from '../../emulators/clock.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';
import type { Version } from '../../emulators/nomad/version.ts';
import {
  type Exchange,
  isAllocation,
  isNode,
  type Json,
  type JsonObject,
  objectsOf,
  type Recording,
} from './recording.ts';

/** One exchange: the recorded answer, and the emulator's answer at the same time. */
export interface Replayed {
  exchange: Exchange;
  status: number;
  headers: Headers;
  body: Json;
  tookMs: number;
}

export interface World {
  nomad: NomadEmulator;
  clock: ManualClock;
  /** Ids of the two clients of the recordings. */
  clientA: string;
  clientB: string;
}

export interface Scenario {
  /** What was registered at 0. */
  setUp?: (world: World) => unknown;
  /** What happened besides the recorded requests, by its time in milliseconds. */
  meanwhile?: [atMs: number, happen: (world: World) => unknown][];
}

/** A write as an operator makes it. */
export const post = async (
  { nomad }: World,
  path: string,
  body: object,
  token = nomad.managementToken,
): Promise<void> => {
  const init = { method: 'POST', headers: { 'X-Nomad-Token': token }, body: JSON.stringify(body) };
  const response = await fetch(`${nomad.url}${path}`, init);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  await response.text();
};

export const mark = (world: World, nodeId: string, Eligibility: 'eligible' | 'ineligible'): Promise<void> =>
  post(world, `/v1/node/${nodeId}/eligibility`, { Eligibility });

/** Of the recordings' tokens. */
export const POLICIES: Record<string, string> = {
  'node-only': 'node { policy = "write" }',
  'default-ns-only': 'node { policy = "write" }\nnamespace "default" { capabilities = ["read-job"] }',
  'node-read': 'node { policy = "read" }\nnamespace "*" { capabilities = ["read-job"] }',
  drainer: 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job"] }',
  'drainer-logs': 'node { policy = "write" }\nnamespace "*" { capabilities = ["read-job", "read-logs"] }',
};

/** Sends the recorded requests at their recorded times to an emulator of that version with the same two clients and tokens. */
export const replay = async (
  version: Version,
  { exchanges }: Recording,
  { setUp, meanwhile = [] }: Scenario,
): Promise<Replayed[]> => {
  const clock = new ManualClock('2026-11-23T18:00:00Z');
  // The recorded agents called a client down some 8 s after its death.
  const nomad = await NomadEmulator.start({ clock, acl: true, heartbeatTtlSeconds: 7, version });
  try {
    const clientA = nomad.addNode({ name: 'client-a', instanceId: 'i-0aaaaaaaaaaaaaaaa' }).id;
    const clientB = nomad.addNode({ name: 'client-b', instanceId: 'i-0bbbbbbbbbbbbbbbb' }).id;
    nomad.namespace('ci');
    const tokens = tokensOf(nomad);
    const world = { nomad, clock, clientA, clientB };
    await setUp?.(world);
    const start = clock.now();
    const events = meanwhile.map(([atMs, happen]) => ({ at: start + atMs, happen }));
    const advanceTo = async (time: number) => {
      while (events[0] && events[0].at <= time) {
        await clock.advance(events[0].at - clock.now());
        await events.shift()?.happen(world);
      }
      await clock.advance(Math.max(0, time - clock.now()));
    };
    const replayed: Replayed[] = [];
    let index = '0';
    for (const exchange of exchanges) {
      await advanceTo(start + exchange.at_ms);
      const answer = await send({ world, exchange, exchanges, tokens, index, advanceTo });
      index = answer.headers.get('x-nomad-index') ?? index;
      replayed.push(answer);
    }
    return replayed;
  } finally {
    await nomad.close();
  }
};

const tokensOf = (nomad: NomadEmulator): Record<string, string> => {
  const tokens: Record<string, string> = { management: nomad.managementToken, none: '' };
  for (const [name, rules] of Object.entries(POLICIES)) {
    nomad.policy(name, rules);
    tokens[name] = nomad.token({ name, policies: [name] });
  }
  return tokens;
};

interface Sending {
  world: World;
  exchange: Exchange;
  exchanges: Exchange[];
  tokens: Record<string, string>;
  /** The index of the latest answer, for a blocking query. */
  index: string;
  advanceTo: (time: number) => Promise<void>;
}

const send = async ({ world, exchange, exchanges, tokens, index, advanceTo }: Sending): Promise<Replayed> => {
  const { nomad, clock } = world;
  const { method, path, query = {}, token = 'none', body } = exchange.request;
  const blocking = 'wait' in query;
  const search = new URLSearchParams(blocking ? { ...query, index } : query);
  const sentAt = clock.now();
  const request = fetch(`${nomad.url}${translated(path, exchanges, nomad)}?${search}`, {
    method,
    headers: { 'X-Nomad-Token': tokens[token] ?? token },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const response = blocking ? await answeredInTime(request, clock, advanceTo) : await request;
  const text = await response.text();
  const json = response.headers.get('content-type') === 'application/json';
  return {
    exchange,
    status: response.status,
    headers: response.headers,
    body: json && text !== '' ? (JSON.parse(text) as Json) : text,
    tookMs: clock.now() - sentAt,
  };
};

/** Moves the clock in small steps as long as the query blocks. */
const answeredInTime = async (
  request: Promise<Response>,
  clock: ManualClock,
  advanceTo: Sending['advanceTo'],
): Promise<Response> => {
  let answered = false;
  const done = request.finally(() => {
    answered = true;
  });
  while (!answered) {
    // Real time for the request to travel: the emulator's clock does not move meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 3));
    if (!answered) await advanceTo(clock.now() + 20);
  }
  return done;
};

const translated = (path: string, exchanges: Exchange[], { state }: NomadEmulator): string =>
  translatedBy(path, exchanges, {
    node: (name) => [...state.nodes.values()].find(({ Name }) => Name === name)?.ID ?? GONE.get(name),
    allocation: (recorded) =>
      [...state.allocations.values()].find(
        ({ Name, NodeName }) => Name === recorded.Name && NodeName === recorded.NodeName,
      )?.ID,
  });

/** What there is here in place of a recorded node, by name, or of a recorded allocation. */
interface Here {
  node(name: string): string | undefined;
  allocation(recorded: JsonObject): string | undefined;
}

/** A recorded id in a path stands for a node or an allocation, which has another id here. */
export const translatedBy = (path: string, exchanges: Exchange[], here: Here): string =>
  path.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, (id) => {
    const name = nodeNames(exchanges).get(id);
    if (name) return here.node(name) ?? id;
    const recorded = objectsOf(exchanges.flatMap(({ response }) => objectsOf(response.body))).find(
      (object) => isAllocation(object) && object.ID === id,
    );
    return (recorded && here.allocation(recorded)) || id;
  });

/** The recording asks for a purged node once more: any unknown id will do. */
const GONE = new Map([
  ['client-a', '00000000-0000-0000-0000-00000000000a'],
  ['client-b', '00000000-0000-0000-0000-00000000000b'],
]);

const nodeNames = (exchanges: Exchange[]): Map<string, string> => {
  const names = new Map<string, string>();
  for (const object of exchanges.flatMap(({ response }) => objectsOf(response.body))) {
    if (isNode(object)) names.set(String(object.ID), String(object.Name));
    if (isAllocation(object)) names.set(String(object.NodeID), String(object.NodeName));
  }
  return names;
};
