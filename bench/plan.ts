/**
 * `node bench/plan.ts [nodes] [allocations]`: how long a plan takes, how much of it is our own processor time, and how large the answer is.
 * Nomad is emulated in a process of its own: its share says little about the real one. Build first.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { AwsEmulator } from '../emulators/aws/aws.ts';
import { environmentOf } from '../emulators/aws/environment.ts';
import { ManualClock, RunningClock } from '../emulators/clock.ts';
import { NomadEmulator } from '../emulators/nomad/emulator.ts';
import { loadBundle } from '../emulators/world/bundle.ts';

const [nodes = 1000, allocations = 10_000] = process.argv.slice(2).map(Number);
const GROUP = 'builders';
const ENDED = 1_200;
const instance = (index: number) => `i-${index.toString(16).padStart(17, '0')}`;

if (process.send) await serve();
else await measure();

async function serve(): Promise<void> {
  const clock = new ManualClock();
  const nomad = await NomadEmulator.start({ clock, heartbeatTtlSeconds: 1e6 });
  const ids = Array.from(
    { length: nodes },
    (_, index) => nomad.addNode({ instanceId: instance(index), cpu: 100_000, memoryMb: 1_000_000 }).id,
  );
  const build = (index: number, runSeconds: number) =>
    nomad.run({
      id: `job-${index % 20}/dispatch-${1_700_000_000 + index}-abcdef01`,
      type: 'batch',
      on: ids[index % nodes] ?? '',
      runSeconds,
      cpu: 10,
      memoryMb: 10,
    });
  for (let index = 0; index < ENDED; index++) build(index, 300 + (index % 50) * 60);
  await clock.advance(3600_000);
  for (let index = 0; index < allocations; index++) build(ENDED + index, 36_000);
  await clock.advance(300_000);
  for (let index = 0; index < 20; index++) nomad.run({ id: `web-${index}`, type: 'service', on: ids[index] ?? '' });
  await clock.advance(10_000);
  process.send?.({ address: nomad.url, now: clock.now() });
}

async function measure(): Promise<void> {
  const server: ChildProcess = fork(import.meta.filename, process.argv.slice(2));
  const [{ address, now }] = (await once(server, 'message')) as [{ address: string; now: number }];
  const aws = await AwsEmulator.start({ clock: new RunningClock() });
  aws.addGroup({ name: GROUP, hook: { name: 'drain', heartbeatTimeoutSeconds: 1800 } });
  for (let index = 0; index < nodes; index++) aws.addInstance(GROUP, { id: instance(index) });
  Object.assign(process.env, environmentOf(aws));
  const { makeHandler } = await loadBundle();
  const quiet = () => {};
  const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const document = { groups: [{ name: GROUP, hook: 'drain' }], nomad: { via: 'http', address } };
  const real = new RunningClock();
  const skew = now - real.now();
  const clock = {
    now: () => real.now() + skew,
    sleep: (ms: number) => real.sleep(ms),
    limit: (ms: number) => real.limit(ms),
    after: (ms: number, callback: () => void) => real.after(ms, callback),
  };
  const handler = makeHandler({
    logger,
    clock,
    environment: { NOMAD_DRAIN_HOOK: JSON.stringify(document) },
    print: quiet,
  });
  console.log(`${nodes} nodes, ${allocations} builds that run, ${ENDED} that have ended, 20 services`);
  for (const temperature of ['cold', 'warm', 'warm']) {
    const began = performance.now();
    const cpuBefore = process.cpuUsage();
    const answer = await handler({ command: 'plan' }, { getRemainingTimeInMillis: () => 60_000 });
    const { user, system } = process.cpuUsage(cpuBefore);
    const [ms, cpuMs] = [performance.now() - began, (user + system) / 1000].map(Math.round);
    const kB = Math.round(JSON.stringify(answer).length / 1024);
    const { verdicts, builds, notKnown } = answer as unknown as {
      verdicts: object;
      builds: { ended: number };
      notKnown: string[];
    };
    console.log(
      `${temperature}: ${ms} ms, of which processor time ${cpuMs} ms; ${kB} kB; ${JSON.stringify(verdicts)}, ${builds.ended} ended, ${notKnown.join()}`,
    );
  }
  console.log(`most memory: ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`);
  await aws.close();
  server.kill();
}
