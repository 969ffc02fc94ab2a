import { deploy } from './function.ts';
import { Audience } from './look.ts';
import { conclude, type Result } from './result.ts';
import type { News, Screen } from './screen.ts';
import { GROUP, type Stage } from './stage.ts';

const SWEEP = { source: 'aws.events', 'detail-type': 'Scheduled Event' };
const MINUTE_MS = 60_000;
/** The next full minute is this far away when the group scales in. */
const FIRST_SWEEP_MS = 20_000;
/** How long the runs that are cut short have, in wall-clock time, for what they are just telling Nomad. */
const LAST_WORDS_MS = 2_000;

/**
 * Scales all builders but the last in, as EventBridge wakes the function, and watches until all of them are terminated. When it
 * returns or throws, the function asks nothing of Nomad any more.
 * @throws what the signal says, where the demo is ended before
 */
export async function play(stage: Stage, screen: Screen, signal: AbortSignal): Promise<Result> {
  const { aws, clock } = stage;
  const over = new AbortController();
  const leaving = stage.builders.slice(0, -1);
  const outcomes = new Map<string, string>();
  // Told at the next look, in the order of time: what a look finds may be older than what the function has said meanwhile.
  const untold: News[] = [];
  const say = (news: Omit<News, 'at'>) => {
    if (!over.signal.aborted) untold.push({ at: clock.now(), ...news });
  };
  const released = (instanceId: string, outcome: string) => void outcomes.set(instanceId, outcome);
  const wake = await deploy(stage, { say, released }, over.signal);
  const audience = new Audience(stage, () => wake({ command: 'status' }));
  const show = async () => {
    const { rows, news } = await audience.look(outcomes);
    for (const each of [...untold.splice(0), ...news].toSorted(inOrder)) screen.say(each);
    screen.show(rows);
  };
  const runs: Promise<unknown>[] = [];
  const start = (event: unknown) =>
    void runs.push(wake(event).catch((error) => say({ text: `the run failed: ${error.message}`, tone: 'bad' })));

  say({ text: stage.about });
  await show();
  const began = clock.now();

  aws.onEvent(start, { detailType: 'EC2 Instance-terminate Lifecycle Action' });
  // EventBridge delivers best-effort: the event of one instance is lost, and the sweep finds it.
  const [lost] = leaving;
  aws.deliver = ({ detail }) => (detail.EC2InstanceId === lost?.instanceId ? [] : [0]);
  aws.scaleIn(
    GROUP,
    leaving.map(({ instanceId }) => instanceId),
  );
  say({ text: `scale-in: ${leaving.length} of ${stage.builders.length} instances of group ${GROUP} have to go` });
  if (lost) say({ name: lost.name, text: 'its lifecycle event is lost: the sweep will find it' });

  let stop = clock.after(FIRST_SWEEP_MS, () => sweep());
  const sweep = () => {
    start(SWEEP);
    stop = clock.after(MINUTE_MS, sweep);
  };
  /** For EC2 it is terminated, and Auto Scaling has forgotten it. */
  const isGone = (instanceId: string) => {
    const { state, ec2State } = aws.instance(instanceId);
    return ec2State === 'terminated' && state === undefined;
  };
  try {
    while (!leaving.every(({ instanceId }) => isGone(instanceId)) && clock.now() < began + stage.limitMs) {
      signal.throwIfAborted();
      await show();
      await clock.sleep(stage.lookEveryMs);
    }
    stop();
    await Promise.race([Promise.all(runs), rejection(signal)]);
    await show();
    return await conclude(stage, leaving, outcomes, began);
  } finally {
    stop();
    over.abort();
    await Promise.race([Promise.all(runs), new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
  }
}

/** By time; what happens at the same moment, by client. */
const inOrder = (one: News, other: News) => one.at - other.at || (one.name ?? '').localeCompare(other.name ?? '');

const rejection = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });
