import { parseArgs } from 'node:util';
import { liveScreen, plainScreen, silent } from './demo/screen.ts';
import { emulatedStage, realStage } from './demo/stage.ts';
import { play, type Result, table } from './demo/story.ts';

const USAGE = `npm run demo [-- --json]

A group of Nomad clients scales in while builds run, and the built function drains it.
  --json   print the final report alone
  NOMAD_ADDR, NOMAD_TOKEN   drain idle clients of this Nomad instead of emulated ones
`;

/** Exit code 1: a build was killed, an instance was kept, or the demo could not play. */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: { json: { type: 'boolean' }, help: { type: 'boolean' } } });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const { NOMAD_ADDR, NOMAD_TOKEN } = process.env;
  const stage = NOMAD_ADDR ? await realStage(NOMAD_ADDR, NOMAD_TOKEN) : await emulatedStage();
  const { stdout } = process;
  const screen = values.json ? silent : stdout.isTTY ? liveScreen(stdout) : plainScreen(stdout);
  let result: Result;
  try {
    result = await play(stage, screen);
  } finally {
    screen.close();
    await stage.close();
  }
  stdout.write(values.json ? `${JSON.stringify(result, null, 2)}\n` : `\n${table(result)}\n`);
  return result.killed > 0 || result.kept > 0 ? 1 : 0;
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});
