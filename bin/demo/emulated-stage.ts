import type { Timeline } from '../../emulators/clock.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';
import type { JobSpec } from '../../emulators/nomad/scheduler/jobs.ts';
import type { Loopback } from '../../emulators/server.ts';
import { nomadApi } from './nomad-api.ts';
import { type Builder, GROUP, type Stage, startAws } from './stage.ts';

/** Emulated time passes so much faster in a terminal: about four minutes in twenty seconds. */
export const SPEED = 12;
const LOOK_EVERY_MS = 3_000;
const LIMIT_MS = 18 * 60_000;

const build = (id: string, runSeconds: number, memoryMb = 1_000): JobSpec => ({
  id,
  type: 'batch',
  runSeconds,
  memoryMb,
});
const service = (id: string, memoryMb: number, count = 1): JobSpec => ({ id, type: 'service', memoryMb, count });

/** A client, and what begins to run when it has joined. */
interface Cast {
  client: number;
  memoryMb: number;
  jobs: readonly JobSpec[];
}

/**
 * In the order in which they join, since a service is placed where there is room by then. Four of them leave: one is idle, one
 * has a build, one a service that moves. The two of `search` have room nowhere until the build of the last client has finished.
 */
const CAST: readonly Cast[] = [
  { client: 4, memoryMb: 24_000, jobs: [build('build-4a', 90), build('build-4b', 180), service('search', 10_000, 2)] },
  { client: 3, memoryMb: 24_000, jobs: [build('build-3a', 40), build('build-3b', 170), service('web', 3_000)] },
  { client: 2, memoryMb: 24_000, jobs: [build('build-2', 75)] },
  { client: 5, memoryMb: 24_000, jobs: [build('build-5', 140, 15_000)] },
  { client: 1, memoryMb: 2_000, jobs: [] },
];

interface EmulatedStage extends Stage {
  /** All that is emulated. */
  servers: readonly Loopback[];
}

/** @param clock at another pace than `SPEED` the same happens, faster or slower */
export async function emulatedStage(
  clock: Timeline,
  pace = `${SPEED} s of their time pass in one second`,
): Promise<EmulatedStage> {
  const { aws, close } = await startAws(clock);
  const nomad = await NomadEmulator.start({ clock });
  const builders = CAST.map(({ client, memoryMb, jobs }): Builder => {
    const name = `client-${client}`;
    const instanceId = aws.addInstance(GROUP);
    const address = aws.instance(instanceId).privateIp;
    const { id: nodeId } = nomad.addNode({ instanceId, name, address, memoryMb });
    const builds = jobs.filter(({ type }) => type === 'batch').map(({ id }) => id);
    for (const job of jobs) nomad.run({ ...job, ...(builds.includes(job.id) && { on: nodeId }) });
    return { instanceId, nodeId, name, builds };
  }).toSorted((one, other) => one.name.localeCompare(other.name));
  aws.onInstanceGone(({ id }) => {
    const builder = builders.find(({ instanceId }) => instanceId === id);
    if (builder) nomad.killInstance(builder.nodeId);
  });
  return {
    clock,
    lookEveryMs: LOOK_EVERY_MS,
    limitMs: LIMIT_MS,
    aws,
    nomad: nomadApi(nomad.url),
    servers: [nomad.server, ...Object.values(aws.servers)],
    access: { via: 'http', address: nomad.url },
    builders,
    about: `emulated AWS and Nomad; ${pace}`,
    close: async () => {
      await nomad.close();
      await close();
    },
  };
}
