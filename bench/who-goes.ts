/**
 * `node bench/who-goes.ts [nodes] [allocations]`: how long the answer to Auto Scaling takes, cold and warm, and how much of it
 * is our own processor time. Nomad is emulated in a process of its own: its share says little about the real one. Build first.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { RunningClock } from '../emulators/clock.ts';
import { NomadEmulator } from '../emulators/nomad/emulator.ts';
import { loadBundle } from '../emulators/world/bundle.ts';

const [nodes = 1000, allocations = 10_000] = process.argv.slice(2).map(Number);
const GROUP = 'builders';
const POOL = { AvailabilityZone: 'us-east-1a', InstanceMarketOption: 'on-demand' };
const instance = (index: number) => `i-${index.toString(16).padStart(17, '0')}`;

if (process.send) await serve();
else await measure();

async function serve(): Promise<void> {
  const nomad = await NomadEmulator.start({ clock: new RunningClock(), heartbeatTtlSeconds: 3600 });
  const ids = Array.from(
    { length: nodes },
    (_, index) => nomad.addNode({ instanceId: instance(index), cpu: 100_000, memoryMb: 1_000_000 }).id,
  );
  // The last three stay idle.
  for (let index = 0; index < allocations; index++) {
    const on = ids[index % (nodes - 3)] ?? '';
    nomad.run({ id: `build-${index}`, type: 'batch', on, runSeconds: 36_000, cpu: 10, memoryMb: 10 });
  }
  process.send?.(nomad.url);
}

async function measure(): Promise<void> {
  const server: ChildProcess = fork(import.meta.filename, process.argv.slice(2));
  const [address] = (await once(server, 'message')) as [string];
  const { makeHandler } = await loadBundle();
  const quiet = () => {};
  const said: string[] = [];
  const logger = {
    debug: quiet,
    info: quiet,
    warn: (_: string, fields: object) => said.push(JSON.stringify(fields)),
    error: quiet,
  };
  const document = { groups: [{ name: GROUP, hook: 'drain' }], nomad: { via: 'http', address } };
  const environment = { NOMAD_DRAIN_HOOK: JSON.stringify(document) };
  const question = {
    AutoScalingGroupARN: `arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:x:autoScalingGroupName/${GROUP}`,
    AutoScalingGroupName: GROUP,
    CapacityToTerminate: [{ ...POOL, Capacity: 3 }],
    Instances: Array.from({ length: nodes }, (_, index) => ({
      ...POOL,
      InstanceId: instance(index),
      InstanceType: 'x',
    })),
    Cause: 'SCALE_IN',
  };
  console.log(`${nodes} nodes, ${allocations} allocations that run`);
  const handler = makeHandler({ logger, environment, print: quiet });
  for (const temperature of ['cold', 'warm', 'warm', 'warm']) {
    const began = performance.now();
    const cpuBefore = process.cpuUsage();
    const answer = (await handler(question)) as unknown as { InstanceIDs: string[] };
    const { user, system } = process.cpuUsage(cpuBefore);
    const [ms, cpuMs] = [performance.now() - began, (user + system) / 1000].map(Math.round);
    console.log(
      `${temperature}: ${ms} ms, of which processor time ${cpuMs} ms; ${answer.InstanceIDs.length} chosen ${said.splice(0).join()}`,
    );
  }
  server.kill();
}
