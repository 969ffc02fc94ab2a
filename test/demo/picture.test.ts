import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeInk } from '../../bin/cli/terminal/ink.ts';
import { emulatedStage } from '../../bin/demo/emulated-stage.ts';
import type { NomadApi } from '../../bin/demo/nomad-api.ts';
import { type Result, resultText } from '../../bin/demo/result.ts';
import { liveScreen, type Row, type Screen } from '../../bin/demo/screen.ts';
import type { Stage } from '../../bin/demo/stage.ts';
import { play } from '../../bin/demo/story.ts';
import { comparison, type ScaleIn } from '../../bin/demo/who-goes.ts';
import { ManualClock } from '../../emulators/clock.ts';
import { DrivenClock } from '../../emulators/world/driven-clock.ts';
import { Display } from '../cli/display.ts';
import { Recorder, shownOn } from '../cli/recorder.ts';
import { draw } from '../cli/svg.ts';

const PICTURE = fileURLToPath(new URL('../../docs/demo.svg', import.meta.url));
const COLUMNS = 80;
const ROWS = 60;
/** Three seconds where the machine has nothing else to do. */
const LIMIT_MS = 180_000;
const HOUR_MS = 3_600_000;
const ABOUT =
  'The demo: four of five clients leave a group. Two wait for a build, and one also for a service that has nowhere to go.';
const SCALE_INS: ScaleIn[] = [
  { chosenBy: 'this function', clients: 2, buildsWaitedFor: 0, buildsKilled: 0, freeAfterSeconds: 2 },
];
const PAGE = { columns: COLUMNS, ink: makeInk(true) };

/** The demo's own stage, in which time passes as fast as it can, and the same happens each time. */
async function stageOf(clock: ManualClock) {
  const stage = await emulatedStage(clock);
  const driven = new DrivenClock(clock, () => stage.servers);
  const asked = async <T>(answer: Promise<T>) => {
    const { lift } = driven.limit(HOUR_MS);
    return answer.finally(lift);
  };
  const { allocationsOn, buildEnded } = stage.nomad;
  const nomad: NomadApi = {
    ...stage.nomad,
    allocationsOn: (nodeId) => asked(allocationsOn(nodeId)),
    buildEnded: (job) => asked(buildEnded(job)),
  };
  const now = { now: () => clock.now(), after: (ms: number, callback: () => void) => clock.after(ms, callback) };
  const timeline = { ...now, sleep: (ms: number) => driven.sleep(ms), limit: (ms: number) => driven.limit(ms) };
  return { driven, stage: { ...stage, clock: timeline, nomad } satisfies Stage };
}

const shownOf = (...written: string[]) => shownOn(new Display(COLUMNS, ROWS), ...written);

interface Played {
  result: Result;
  /** All that was written. */
  written: string;
  /** What was written until this moment. */
  until: string;
  shows: (readonly Row[])[];
}

/** Plays the demo on the screen that `make` gives it. */
async function playOn(
  make: (stream: NodeJS.WriteStream) => Screen,
  moment: (rows: readonly Row[]) => boolean,
): Promise<Played> {
  const { driven, stage } = await stageOf(new ManualClock());
  const stream = new Recorder(COLUMNS, ROWS);
  const screen = make(stream as unknown as NodeJS.WriteStream);
  const shows: (readonly Row[])[] = [];
  let until = '';
  const show = (rows: readonly Row[]) => {
    screen.show(rows);
    shows.push(rows);
    if (until === '' && moment(rows)) until = stream.written;
  };
  try {
    const result = await driven.while(play(stage, { ...screen, show }, new AbortController().signal));
    screen.close();
    return { result, written: stream.written, until, shows };
  } finally {
    await stage.close();
  }
}

/** A build has finished on it since its service is stuck. */
const isTelling = (rows: readonly Row[]) => rows.some(({ stuck, left }) => stuck && left === 2);

describe('the demo on a terminal', () => {
  let played: Played;
  beforeAll(async () => {
    played = await playOn((stream) => liveScreen(stream, PAGE), isTelling);
  }, LIMIT_MS);

  test('has a picture as it is now; `npx vitest run test/demo/picture.test.ts -u` draws it anew', async () => {
    const command = PAGE.ink.quiet('$ npm run demo\n');
    const end = `\n${PAGE.ink.quiet('…')}\n\n${resultText(played.result, PAGE)}`;
    const { styled } = await shownOf(command, played.until, end);
    await expect(draw(styled, ABOUT)).toMatchFileSnapshot(PICTURE);
  });

  test('shows why each waits: for a build, and for a service that has nowhere to go', () => {
    const because = (name: string) =>
      played.shows.flatMap((rows) => rows.flatMap((row) => (row.name === name ? (row.because ?? []) : [])));
    expect(because('client-2')).toContainEqual(expect.stringContaining('waits for 1 allocation: build-2 '));
    expect(because('client-4')).toContainEqual(
      expect.stringMatching(/search .* nowhere to go: .* memory is exhausted on 2/),
    );
  });

  test('tells of builds that finish, and of services that move', async () => {
    const { text } = await shownOf(played.written);
    for (const build of ['build-2', 'build-3a', 'build-3b', 'build-4a', 'build-4b']) {
      expect(text).toContain(`${build} has finished`);
    }
    expect(text.match(/client-5 {2}the service \w+ has moved here/g)).toEqual([
      'client-5  the service web has moved here',
      'client-5  the service search has moved here',
      'client-5  the service search has moved here',
    ]);
  });

  test('ends with all who leave terminated, and no build killed', async () => {
    const { text } = await shownOf(played.written);
    const end = text.split('\n\n').at(-1) ?? '';
    expect(end.match(/client-\d .*? (Terminating:\w+|terminated|InService)/g)).toHaveLength(5);
    const last = played.shows.at(-1) ?? [];
    expect(last.map(({ name, state }) => [name, state])).toEqual([
      ...[1, 2, 3, 4].map((number) => [`client-${number}`, 'terminated']),
      ['client-5', 'InService'],
    ]);
    expect(played.result).toMatchObject({ finished: 5, killed: 0, kept: 0 });
  });

  test('writes no line that is too long', async () => {
    const { tooLong } = await shownOf(
      played.written,
      `\n${resultText(played.result, PAGE)}`,
      `\n${comparison(SCALE_INS, PAGE)}`,
    );
    expect(tooLong).toEqual([]);
  });

  test('draws bars that are empty where nothing has ended, beside the longest state', async () => {
    const row = { instanceId: 'i-0123456789abcdef0', left: 0, before: 0 };
    const stream = new Recorder(COLUMNS, ROWS);
    const screen = liveScreen(stream as unknown as NodeJS.WriteStream, { ...PAGE, ink: makeInk(false) });
    screen.show([
      { ...row, name: 'client-1', state: 'Terminating:Wait' },
      { ...row, name: 'client-2', state: 'Terminating:Wait', left: 2, before: 2 },
      { ...row, name: 'client-3', state: 'Terminating:Wait', left: 1, before: 2 },
      { ...row, name: 'client-4', state: 'Terminating:Proceed', outcome: 'drained' },
      { ...row, name: 'client-5', state: 'InService', left: 1, before: 1 },
    ]);
    screen.close();
    const { text } = await shownOf(stream.written);
    expect(text.split('\n').flatMap((line) => line.split(`${row.instanceId}  `)[1] ?? [])).toEqual([
      'Terminating:Wait     ░░░░░░░░░░  0 of 0 left',
      'Terminating:Wait     ░░░░░░░░░░  2 of 2 left',
      'Terminating:Wait     █████░░░░░  1 of 2 left',
      'Terminating:Proceed  ██████████  drained',
      'InService                        1 running',
    ]);
  });
});
