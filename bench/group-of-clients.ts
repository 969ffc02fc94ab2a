import { DEFAULT_POLICY } from '../lambda/core/model/policy.ts';
import type { Candidate } from '../lambda/core/scale-in/candidate.ts';
import { byJob } from '../lambda/core/scale-in/durations.ts';
import { rank } from '../lambda/core/scale-in/rank.ts';
import { type Build, DAY, HOUR, MINUTE, SECOND } from './builds.ts';

/** Who goes: the ids of so many clients. */
export type Policy = (
  clients: readonly BenchClient[],
  count: number,
  world: { now: number; ended: readonly Ended[] },
) => BenchClient[];

interface BenchClient {
  id: number;
  launchedAt: number;
  readyAt: number;
  builds: { build: Build; startedAt: number; endsAt: number }[];
  drainsSince?: number;
}

interface Ended {
  job: string;
  ms: number;
}

/** What a day came to. */
export interface Outcome {
  /** Clients that went. */
  gone: number;
  /** Of these, such as had nothing to wait for. */
  idle: number;
  /** Builds that a client had to wait for before it could go. */
  waitedFor: number;
  /** Builds that were placed on a client between its choice and its drain. */
  raced: number;
  /** Builds that a drain deadline killed. */
  killed: number;
  drainedMinutes: number;
  longestDrainMinutes: number;
  instanceHours: number;
  /** How long builds waited for a client, on average. */
  queuedSeconds: number;
}

/** Builds that a client runs at a time. */
const SLOTS = 3;
const STEP = 5 * SECOND;
const BOOT = 2 * MINUTE;
/** Free clients that the group keeps. */
const SPARE = 1;
/** It shrinks by what it has had too much of for so long: the default of target tracking is of that order. */
const CALM = 10 * MINUTE;

/** Nomad's scheduler algorithm: to the fullest client that has room, its default, or to the emptiest. */
export type Placement = 'binpack' | 'spread';

interface PlayOptions {
  /** How long a client that was chosen takes builds until its drain begins, in milliseconds, rounded up to {@link STEP}. @default 0 */
  raceMs?: number;
  /** The drain deadline of the group, in milliseconds: what still runs then is killed. @default 6 h, that of the function */
  deadlineMs?: number;
}

/** Plays a day: builds are placed as Nomad places them, the group grows at once and shrinks after a while. */
export function play(
  builds: readonly Build[],
  policy: Policy,
  placement: Placement,
  { raceMs = 0, deadlineMs = DEFAULT_POLICY.deadlineSeconds * SECOND }: PlayOptions = {},
): Outcome {
  const clients: BenchClient[] = [];
  const ended: Ended[] = [];
  const queue: Build[] = [];
  const drains: number[] = [];
  const needed: { at: number; count: number }[] = [];
  let [next, ids, gone, idle, waitedFor, raced, killed, instanceMs, queuedMs] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  const free = ({ builds: running, drainsSince, readyAt }: BenchClient, now: number) =>
    (drainsSince === undefined || now <= drainsSince) && readyAt <= now ? SLOTS - running.length : 0;

  for (
    let now = 0;
    now < DAY || clients.some(({ builds: running }) => running.length > 0) || queue.length > 0;
    now += STEP
  ) {
    for (const client of clients) {
      for (const { build, startedAt, endsAt } of client.builds)
        if (endsAt <= now) ended.push({ job: build.job, ms: endsAt - startedAt });
      client.builds = client.builds.filter(({ endsAt }) => endsAt > now);
      if (client.drainsSince === undefined || now < client.drainsSince + deadlineMs) continue;
      killed += client.builds.length;
      client.builds = [];
    }
    for (let build = builds[next]; build && build.arrivesAt <= now; build = builds[++next]) queue.push(build);
    while (queue.length > 0) {
      const [client] = clients
        .filter((each) => free(each, now) > 0)
        .toSorted((one, other) => (placement === 'binpack' ? 1 : -1) * (free(one, now) - free(other, now)));
      const build = client && queue.shift();
      if (!build) break;
      queuedMs += now - build.arrivesAt;
      if (client.drainsSince !== undefined) raced += 1;
      client.builds.push({ build, startedAt: now, endsAt: now + build.lengthMs });
    }
    for (const client of clients.filter(
      (each) => each.drainsSince !== undefined && now >= each.drainsSince && each.builds.length === 0,
    )) {
      drains.push(now - (client.drainsSince ?? now));
      instanceMs += now - client.launchedAt;
      clients.splice(clients.indexOf(client), 1);
    }
    const staying = clients.filter(({ drainsSince }) => drainsSince === undefined);
    const work = queue.length + staying.reduce((sum, each) => sum + each.builds.length, 0);
    const wanted = Math.ceil(work / SLOTS) + SPARE;
    needed.push({ at: now, count: wanted });
    while (needed[0] && needed[0].at <= now - CALM) needed.shift();
    for (let count = staying.length; count < wanted; count++) {
      clients.push({ id: ++ids, launchedAt: now, readyAt: now + BOOT, builds: [] });
    }
    const excess = staying.length - Math.max(...needed.map(({ count }) => count));
    if (excess <= 0 || now % MINUTE !== 0) continue;
    for (const client of policy(staying, excess, { now, ended })) {
      client.drainsSince = now + raceMs;
      gone += 1;
      waitedFor += client.builds.length;
      if (client.builds.length === 0) idle += 1;
    }
  }
  for (const { launchedAt } of clients) instanceMs += DAY - launchedAt;
  return {
    gone,
    idle,
    waitedFor,
    raced,
    killed,
    drainedMinutes: drains.reduce((sum, ms) => sum + ms, 0) / MINUTE,
    longestDrainMinutes: Math.max(0, ...drains) / MINUTE,
    instanceHours: instanceMs / HOUR,
    queuedSeconds: queuedMs / builds.length / SECOND,
  };
}

/** AWS's default where all have the same launch template: the one that is closest to its next billing hour. */
export const byBillingHour: Policy = (clients, count, { now }) =>
  clients.toSorted((one, other) => ((now - other.launchedAt) % HOUR) - ((now - one.launchedAt) % HOUR)).slice(0, count);

export const newestFirst: Policy = (clients, count) =>
  clients.toSorted((one, other) => other.launchedAt - one.launchedAt).slice(0, count);

export const oldestFirst: Policy = (clients, count) =>
  clients.toSorted((one, other) => one.launchedAt - other.launchedAt).slice(0, count);

/** What the function answers. */
export const byRank: Policy = (clients, count, { now, ended }) => {
  const POOL = 'one zone';
  const takes = { cpu: 1000, memoryMb: 1000 };
  const candidates = clients.map(
    (each): Candidate => ({
      instanceId: String(each.id),
      pool: POOL,
      clients: [
        {
          id: String(each.id),
          name: `client-${each.id}`,
          status: 'ready',
          eligible: true,
          draining: false,
          nodePool: 'default',
          datacenter: 'dc1',
          nodeClass: '',
          drivers: [],
          hostVolumes: new Map(),
          enforcesLimits: false,
          registered: each.id,
          free: { cpu: 0, memoryMb: 0 },
          runs: each.builds.map(({ build: { job }, startedAt }) => ({
            id: job,
            job,
            jobType: 'batch',
            namespace: 'default',
            taskGroup: 'build',
            stopping: false,
            createdAt: startedAt,
            takes,
          })),
        },
      ],
    }),
  );
  const earlier = byJob(ended.slice(-500).map(({ job, ms }) => ({ job, namespace: 'default', ms, ended: true })));
  const wanted = new Map([[POOL, count]]);
  const all = candidates.flatMap((each) => each.clients);
  const chosen = rank(candidates, { wanted, clients: all, earlier, limits: new Map(), now });
  return chosen.flatMap(({ instanceId }) => clients.find(({ id }) => String(id) === instanceId) ?? []);
};
