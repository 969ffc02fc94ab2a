import type { Clock } from '../../lambda/core/clock.ts';
import type { Journal } from '../../lambda/core/ports.ts';
import type { Report } from '../../lambda/core/report.ts';
import { loadBundle } from '../../test/e2e/bundle.ts';
import { table as aligned } from '../cli/screen/layout.ts';
import type { Row, Screen } from './screen.ts';
import { type Builder, GROUP, HOOK, type Stage } from './stage.ts';

/** How the demo ended. */
export interface Result {
  instances: InstanceResult[];
  /** Builds that ended by themselves. */
  finished: number;
  /** Builds that were killed: 0, or the demo has failed. */
  killed: number;
  /** Instances that were not released in time: 0, or the demo has failed. */
  kept: number;
}

export interface InstanceResult {
  instanceId: string;
  outcome: string;
  /** From the scale-in until the instance was released. */
  drainedInSeconds: number | null;
  buildsFinished: number;
  buildsKilled: number;
}

const SWEEP = { source: 'aws.events', 'detail-type': 'Scheduled Event' };
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** The next full minute is this far away when the group scales in. */
const FIRST_SWEEP_MS = 20_000;
const REFRESH_MS = 250;
/** Wall-clock time after which the demo gives up and says which instances were kept. */
const LIMIT_MS = 90_000;
/** How long the runs that are cut short have, in wall-clock time, for what they are just telling Nomad. */
const LAST_WORDS_MS = 2_000;

/**
 * Scales all builders but the last in, as EventBridge wakes the function, and watches until all of them are released. When it
 * returns or throws, the function asks nothing of Nomad any more.
 * @throws what the signal says, where the demo is ended before
 */
export async function play(stage: Stage, screen: Screen, signal: AbortSignal): Promise<Result> {
  const { aws, clock, nomad } = stage;
  const over = new AbortController();
  const leaving = stage.builders.slice(0, -1);
  const outcomes = new Map<string, string>();
  const began = clock.now();
  const say = (line: string) => {
    if (over.signal.aborted) return;
    screen.say(`${new Date(clock.now()).toISOString().slice(11, 19)}  ${line}`);
  };
  const handler = await deploy(stage, say, over.signal);
  const wake = async (event: unknown) => {
    const end = clock.now() + MINUTE_MS;
    const report = await handler(event, { getRemainingTimeInMillis: () => end - clock.now() });
    for (const each of report.instances) if (each.outcome) outcomes.set(each.instanceId, each.outcome);
  };
  const runs: Promise<void>[] = [];
  const start = (event: unknown) =>
    void runs.push(wake(event).catch((error) => say(`the run failed: ${error.message}`)));

  say(stage.about);
  const before = new Map<string, number>();
  for (const { instanceId, nodeId } of stage.builders) before.set(instanceId, await nomad.left(nodeId));

  aws.onEvent(start, { detailType: 'EC2 Instance-terminate Lifecycle Action' });
  // EventBridge delivers best-effort: the event of one instance is lost, and the sweep finds it.
  const [lost] = leaving;
  aws.deliver = ({ detail }) => (detail.EC2InstanceId === lost?.instanceId ? [] : [0]);
  aws.scaleIn(
    GROUP,
    leaving.map(({ instanceId }) => instanceId),
  );
  say(`scale-in: ${leaving.length} of ${stage.builders.length} instances of group ${GROUP} have to go`);
  if (lost) say(`${lost.name}  its lifecycle event is lost on the way`);

  let stop = clock.after(FIRST_SWEEP_MS, () => sweep());
  const sweep = () => {
    start(SWEEP);
    stop = clock.after(MINUTE_MS, sweep);
  };
  const giveUp = Date.now() + LIMIT_MS;
  const released = () => new Set(aws.completions.map(({ instanceId }) => instanceId));
  try {
    while (leaving.some(({ instanceId }) => !released().has(instanceId)) && Date.now() < giveUp) {
      signal.throwIfAborted();
      screen.show(await look(stage, before));
      await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    }
    stop();
    await Promise.race([Promise.all(runs), rejection(signal)]);
    screen.show(await look(stage, before));
    return await conclude(stage, leaving, outcomes, began);
  } finally {
    stop();
    over.abort();
    await Promise.race([Promise.all(runs), new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
  }
}

const rejection = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });

/** The bundle as it is deployed, with what it writes down put on the screen. */
async function deploy({ clock, access, builders }: Stage, say: (line: string) => void, over: AbortSignal) {
  // A day later no run has time left: it asks nothing more, though it may sleep on.
  const until: Clock = {
    now: () => clock.now() + (over.aborted ? DAY_MS : 0),
    sleep: (ms) => clock.sleep(ms),
    limit: (ms) => clock.limit(ms),
  };
  const environment = { NOMAD_DRAIN_HOOK: JSON.stringify({ groups: [{ name: GROUP, hook: HOOK }], nomad: access }) };
  const name = (instanceId: unknown) => builders.find((each) => each.instanceId === instanceId)?.name ?? '';
  const tell = (message: string, { instanceId, outcome, because }: Record<string, unknown>) => {
    if (message.startsWith('run ')) return;
    say(`${name(instanceId)}  ${message}${outcome ? ` (${outcome})` : ''}: ${because}`);
  };
  const journal: Journal = { debug() {}, info: tell, warn: tell, error: tell };
  return (await loadBundle()).makeHandler({ clock: until, environment, journal, print: () => {} }) as (
    event: unknown,
    context: { getRemainingTimeInMillis(): number },
  ) => Promise<Report>;
}

const look = ({ aws, nomad, builders }: Stage, before: Map<string, number>): Promise<Row[]> =>
  Promise.all(
    builders.map(async ({ name, instanceId, nodeId }) => {
      const { state, ec2State } = aws.instance(instanceId);
      const left = await nomad.left(nodeId);
      return { name, instanceId, state: state ?? ec2State, left, before: before.get(instanceId) ?? 0 };
    }),
  );

async function conclude(
  { aws, nomad, builders }: Stage,
  leaving: readonly Builder[],
  outcomes: ReadonlyMap<string, string>,
  began: number,
): Promise<Result> {
  const ends = await Promise.all(builders.flatMap(({ builds }) => builds.map((build) => nomad.buildEnded(build))));
  const instances: InstanceResult[] = [];
  for (const { instanceId, builds } of leaving) {
    const completion = aws.completions.find((each) => each.instanceId === instanceId);
    const own = await Promise.all(builds.map((build) => nomad.buildEnded(build)));
    instances.push({
      instanceId,
      outcome: completion ? (outcomes.get(instanceId) ?? `released by ${completion.by}`) : 'kept',
      drainedInSeconds: completion ? Math.round((completion.at - began) / 1000) : null,
      buildsFinished: own.filter((end) => end === 'finished').length,
      buildsKilled: own.filter((end) => end === 'killed').length,
    });
  }
  return {
    instances,
    finished: ends.filter((end) => end === 'finished').length,
    killed: ends.filter((end) => end === 'killed').length,
    kept: instances.filter(({ outcome }) => outcome === 'kept').length,
  };
}

/** The result as a person reads it. */
export function table({ instances, finished, killed, kept }: Result): string {
  return aligned([
    ['instance', 'outcome', 'drained in', 'builds finished', 'builds killed'],
    ...instances.map((each) => [
      each.instanceId,
      each.outcome,
      each.drainedInSeconds === null ? '-' : `${each.drainedInSeconds} s`,
      String(each.buildsFinished),
      String(each.buildsKilled),
    ]),
    ['total', kept === 0 ? 'none kept' : `${kept} kept`, '', String(finished), String(killed)],
  ]);
}
