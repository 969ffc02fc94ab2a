import { setTimeout as sleep } from 'node:timers/promises';
import { inSequence, type Observed, Observer } from './observed.ts';
import { type RealSite, real } from './real-site.ts';
import { type Figure, ROUNDS, type Row } from './row.ts';
import { Account, emulated, type Run, type Site, SWEEP } from './site.ts';

/** A sweep that has just woken has this long, in milliseconds. */
const MINUTE = { getRemainingTimeInMillis: () => 60_000 };
/** The run of an event ends after its five seconds, as it does where a sweep is awake: that one is measured here. */
const BESIDE_A_SWEEP = { getRemainingTimeInMillis: () => 16_000 };
/** Before the build ends the sweep has long been asleep over its question, milliseconds. */
const ASLEEP_MS = 1_500;

/**
 * How soon the function, warm, has a node drained, lets a node go whose last build has ended, and lets an idle one go. On a real
 * agent with NOMAD_BIN, beside its own command line.
 */
export const reaction: Figure = async () => {
  const binary = process.env.NOMAD_BIN;
  const agent = binary ? await real(binary, ROUNDS + 1) : undefined;
  const site: Site = agent ?? (await emulated(ROUNDS + 1));
  const observer = new Observer();
  try {
    const rows = await busy(site, agent, observer);
    await site.giveBack();
    rows.push(await idle(site, agent));
    return rows;
  } finally {
    observer.close();
    await site.close();
  }
};

/** Serves the first instance, so that both functions are warm. */
async function warmUp(account: Account, { nodes: [first] }: Site): Promise<{ onEvent: Run; onSchedule: Run }> {
  const [onEvent, onSchedule] = [await account.environment(), await account.environment()];
  await onEvent(await account.scaleIn(first?.instanceId ?? ''), BESIDE_A_SWEEP);
  await onSchedule(SWEEP, MINUTE);
  return { onEvent, onSchedule };
}

async function busy(site: Site, agent: RealSite | undefined, observer: Observer): Promise<Row[]> {
  const account = await Account.of(site);
  const { onEvent, onSchedule } = await warmUp(account, site);
  const accepted: number[] = [];
  const before: Observed[][] = [];
  const [released, exited]: [number[], number[]] = [[], []];
  for (const { instanceId, nodeId } of site.nodes.slice(1)) {
    const end = await site.build(nodeId);
    const event = await account.scaleIn(instanceId);
    observer.take();
    const began = performance.now();
    await onEvent(event, BESIDE_A_SWEEP);
    const asked = observer.take();
    const drain = asked.find(({ path }) => path.includes(`/node/${nodeId}/drain`));
    if (!drain) throw new Error(`the node of ${instanceId} was not drained`);
    accepted.push(drain.ended - began);
    before.push(asked.filter(({ ended }) => ended <= drain.began));
    const monitor = agent?.command('node', 'drain', '-monitor', nodeId);
    const sweep = onSchedule(SWEEP, MINUTE);
    await sleep(ASLEEP_MS);
    const endedAt = await end();
    await sweep;
    released.push(account.completedAt(instanceId) - endedAt);
    if (monitor) exited.push((await monitor) - endedAt);
  }
  await account.close();
  const host = new URL(site.address).host;
  const trips = (requests: readonly Observed[], ofNomad: boolean) =>
    inSequence(requests.filter((request) => (request.host === host) === ofNomad));
  const on = `, ${site.of}`;
  const name = '`nomad node drain -monitor`';
  return [
    { figure: `event → drain request accepted, warm${on}`, unit: 'ms', samples: accepted },
    {
      figure: 'before the drain request: round trips to AWS, in sequence',
      unit: 'requests',
      samples: before.map((requests) => trips(requests, false)),
    },
    {
      figure: 'before the drain request: round trips to Nomad, in sequence',
      unit: 'requests',
      samples: before.map((requests) => trips(requests, true)),
    },
    {
      figure: `last allocation ended → completed, sweep awake${on}`,
      unit: 'ms',
      samples: released,
      ...(agent && { rival: { name, samples: exited } }),
    },
    ...(agent
      ? [
          {
            figure: `the same, after the exit of ${name} on the same node`,
            unit: 'ms' as const,
            samples: released.map((ms, round) => ms - (exited[round] ?? 0)),
          },
        ]
      : []),
  ];
}

async function idle(site: Site, agent: RealSite | undefined): Promise<Row> {
  const account = await Account.of(site);
  const { onEvent } = await warmUp(account, site);
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (const { instanceId, nodeId } of site.nodes.slice(1)) {
    const event = await account.scaleIn(instanceId);
    const began = Date.now();
    await onEvent(event);
    ours.push(account.completedAt(instanceId) - began);
    if (!agent) continue;
    await agent.giveBack();
    const commanded = Date.now();
    theirs.push((await agent.command('node', 'drain', '-enable', '-yes', nodeId)) - commanded);
  }
  await account.close();
  return {
    figure: `idle node: event → completed, warm, ${site.of}`,
    unit: 'ms',
    samples: ours,
    ...(agent && { rival: { name: '`nomad node drain -enable`', samples: theirs } }),
  };
}
