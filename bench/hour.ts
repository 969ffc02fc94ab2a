import { HOUR, MINUTE, SECOND, SWEEP, World } from '../emulators/world/world.ts';
import type { Figure, Row } from './row.ts';
import { Wire } from './wire.ts';

export const NODES = 100;
const ALLOCATIONS = 66;
/** A poller asks for the allocations of its node this often, in milliseconds. */
const POLLED_MS = 15 * SECOND;
/** Which of its questions are really asked: each of so many, of one node in ten. All would take longer than the rest. */
const SAMPLED = 10;

interface Traffic {
  requests: number;
  bytes: number;
}

/** What an hour comes to in which a hundred nodes drain. */
export interface Hour {
  /** In the runs of the events, in which the drains start, and in the sweeps. */
  starting: Traffic;
  sweeps: Traffic;
  poller: Traffic;
  /** Calls of AWS by service and action. */
  calls: Map<string, number>;
  /** How long the function ran, in seconds, and how often. */
  ran: { events: number[]; sweeps: number[] };
  /** Bytes of the log, metrics included: of the whole hour, and of one sweep before it that finds nobody. */
  logged: { hour: number; idle: number };
}

let measured: Promise<Hour> | undefined;

/** Played once, on the emulators' clock, for all figures that are about it. */
export function theHour(): Promise<Hour> {
  measured ??= play();
  return measured;
}

async function play(): Promise<Hour> {
  let wire: Wire | undefined;
  const world = await World.start({
    tellsHeartbeatTimeout: true,
    before: async (url) => {
      wire = await Wire.before(url);
      return wire.url;
    },
  });
  if (!wire) throw new Error('the world has asked for nothing before Nomad');
  const builders = Array.from({ length: NODES }, () => world.addBuilder({ cpu: 100_000, memoryMb: 1_000_000 }));
  for (const [index, { nodeId: on }] of builders.entries()) {
    for (let build = 0; build < ALLOCATIONS; build++) {
      world.nomad.run({
        id: `build-${index}-${build}`,
        type: 'batch',
        on,
        runSeconds: 3 * 3600,
        cpu: 10,
        memoryMb: 10,
      });
    }
  }
  // The first reads what a warm function knows.
  await world.wake(SWEEP);
  const before = logBytes(world);
  await world.wake(SWEEP);
  const idle = logBytes(world) - before;
  const [asked, arrived, bytes] = [world.aws.requests.length, world.nomad.server.arrived, wire.bytes];
  await world.scaleIn(...builders.map(({ instanceId }) => instanceId));

  const hour: Hour = {
    starting: { requests: 0, bytes: 0 },
    sweeps: { requests: 0, bytes: 0 },
    poller: { requests: 0, bytes: 0 },
    calls: new Map(),
    ran: { events: [], sweeps: [] },
    logged: { hour: 0, idle: 0 },
  };
  const run = async (event: unknown, lasted: number[], invoke = undefined as Parameters<World['wake']>[1]) => {
    const began = world.clock.now();
    await world.wake(event, invoke);
    lasted.push((world.clock.now() - began) / 1000);
  };
  const end = world.clock.now() + HOUR;
  // As Lambda does it: events at once have an environment each, and the schedule has one of its own.
  const events = world.events.splice(0);
  const environments = await Promise.all(events.map(() => world.environment()));
  await Promise.all(events.map((event, index) => run(event, hour.ran.events, environments[index])));
  hour.starting = { requests: world.nomad.server.arrived - arrived, bytes: wire.bytes - bytes };
  while (world.clock.now() < end) {
    const next = (Math.floor(world.clock.now() / MINUTE) + 1) * MINUTE;
    await world.advance(Math.min(next, end) - world.clock.now());
    if (world.clock.now() < end) await run(SWEEP, hour.ran.sweeps);
  }

  hour.sweeps = {
    requests: world.nomad.server.arrived - arrived - hour.starting.requests,
    bytes: wire.bytes - bytes - hour.starting.bytes,
  };
  for (const { service, action } of world.aws.requests.slice(asked)) {
    const key = `${service} ${action}`;
    hour.calls.set(key, (hour.calls.get(key) ?? 0) + 1);
  }
  hour.logged = { hour: logBytes(world) - before - idle, idle };
  hour.poller = await poll(builders, wire);
  await world.close();
  wire.close();
  return hour;
}

/** Of the records, as the logger writes them but for its own fields, and of the lines of metrics. */
const logBytes = ({ log, printed }: World) =>
  log.reduce((sum, record) => sum + JSON.stringify(record).length, 0) +
  printed.reduce((sum, line) => sum + line.length, 0);

/** Asks as a poller does, one in so many times, and multiplies. The nodes run the same all the time, so each answer is alike. */
async function poll(builders: readonly { nodeId: string }[], wire: Wire): Promise<Hour['poller']> {
  const before = wire.bytes;
  const sample = builders.filter((_, index) => index % SAMPLED === 0);
  for (const { nodeId } of sample) {
    const headers = { 'Accept-Encoding': 'identity' };
    await (await fetch(`${wire.url}/v1/node/${nodeId}/allocations`, { headers })).arrayBuffer();
  }
  const requests = NODES * (HOUR / POLLED_MS);
  return { requests, bytes: ((wire.bytes - before) / sample.length) * requests };
}

const of = `${NODES} nodes draining for 1 h`;
const allocations = `${ALLOCATIONS} allocations each`;

/** Requests and bytes from Nomad in that hour. */
export const traffic: Figure = async () => {
  const { starting, sweeps, poller } = await theHour();
  const beside = (figure: string, unit: 'requests' | 'bytes', ours: number, rival: string): Row => ({
    figure,
    unit,
    samples: [ours],
    rival: { name: rival, samples: [poller[unit]] },
    note: `${(poller[unit] / ours).toFixed(0)} times fewer`,
  });
  const name = `a poller per node, every ${POLLED_MS / 1000} s`;
  const inEvents = `the runs of the ${NODES} events, which start the drains`;
  return [
    beside(`requests to Nomad, ${of}, in the sweeps`, 'requests', sweeps.requests, name),
    { figure: `requests to Nomad in ${inEvents}`, unit: 'requests', samples: [starting.requests] },
    beside(`bytes from Nomad, ${of}, ${allocations}, in the sweeps`, 'bytes', sweeps.bytes, `${name}, without gzip`),
    { figure: `bytes from Nomad in ${inEvents}`, unit: 'bytes', samples: [starting.bytes] },
  ];
};

/** Calls of AWS in that hour, by action. */
export const calls: Figure = async () => {
  const { calls: made } = await theHour();
  return [...made.entries()].sort().map(([action, count]) => ({
    figure: `calls in the same hour: ${action}`,
    unit: 'calls',
    samples: [count],
  }));
};
