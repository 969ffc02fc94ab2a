import { parseArgs } from 'node:util';
import { RunningClock } from '../../emulators/clock.ts';
import { forgetShell } from '../../emulators/shell.ts';
import { pageOf } from '../cli/terminal/screen.ts';
import { agrees } from './consent.ts';
import { emulatedStage, SPEED } from './emulated-stage.ts';
import { realStage } from './real-stage.ts';
import { type Result, resultText } from './result.ts';
import { liveScreen, plainScreen, silent } from './screen.ts';
import type { Stage } from './stage.ts';
import { play } from './story.ts';
import { Undo } from './undo.ts';
import { comparison, whoGoes } from './who-goes.ts';

const USAGE = `npm run demo [-- --json] [-- --nomad <address> [--yes]]

A group of Nomad clients scales in while builds run, and the built function drains it.
  --json              print the final report alone
  --nomad <address>   drain idle clients of this Nomad instead of emulated ones; the token is that of NOMAD_TOKEN.
                      Lists them, asks first, and undoes what it did
  --yes               do not ask
`;

/** What ends a process from outside, with the number that its exit code tells it by. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

const tell = (line: string) => void process.stderr.write(`${line}\n`);

/** Exit code 1: a build was killed, an instance was kept, or the demo could not play. 128 and more: ended by a signal. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean' },
      help: { type: 'boolean' },
      nomad: { type: 'string' },
      yes: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const { NOMAD_ADDR, NOMAD_TOKEN: token } = process.env;
  forgetShell();
  if (NOMAD_ADDR && values.nomad === undefined) {
    tell('NOMAD_ADDR is set, and left alone: to drain idle clients of that Nomad, use --nomad <address>');
  }

  const interruption = new AbortController();
  let interrupted = 0;
  for (const [signal, number] of Object.entries(SIGNALS)) {
    // It may come twice, from the terminal and from npm: the first one counts, and what follows takes seconds at most.
    process.on(signal, () => {
      interrupted ||= 128 + number;
      interruption.abort(new Error(`ended by ${signal}`));
    });
  }

  const { stdout } = process;
  const page = pageOf(stdout, process.env);
  const undo = new Undo();
  const { signal } = interruption;
  let stage: Stage | undefined;
  let result: Result | undefined;
  try {
    const ask = (question: string) =>
      values.yes ? Promise.resolve(true) : agrees(question, { input: process.stdin, output: process.stderr }, signal);
    stage = values.nomad
      ? await realStage({ address: values.nomad, token, undo, signal, tell, ask })
      : await emulatedStage(new RunningClock(SPEED));
    const screen = values.json ? silent : stdout.isTTY ? liveScreen(stdout, page) : plainScreen(stdout, page);
    try {
      result = await play(stage, screen, signal);
    } finally {
      screen.close();
    }
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
  }
  if (!undo.nothing) tell('undoing what was done to Nomad');
  const left = await undo.all();
  for (const line of left) tell(`not undone: ${line}`);
  await stage?.close();
  if (!result) return interrupted || 1;
  // AWS and Nomad of its own, once those of the story are closed.
  const scaleIns = values.nomad ? [] : await whoGoes();
  const compared = scaleIns.length > 0 ? `\n${comparison(scaleIns, page)}\n` : '';
  const json = { ...result, ...(scaleIns.length > 0 && { scaleIns }) };
  stdout.write(values.json ? `${JSON.stringify(json, null, 2)}\n` : `\n${resultText(result, page)}\n${compared}`);
  const lost = result.killed + result.kept + scaleIns.reduce((sum, { buildsKilled }) => sum + buildsKilled, 0);
  return lost > 0 || left.length > 0 ? 1 : 0;
}

process.exitCode = await main().catch((error: Error) => {
  tell(error.message);
  return 1;
});
// A run of the function that was cut short may sleep on for a minute.
if (process.exitCode !== 0) process.exit();
