import { RunningClock } from '../../test/emulators/clock.ts';
import { NomadEmulator } from '../../test/emulators/nomad/emulator.ts';
import { nomadApi } from './nomad-api.ts';
import { type Builder, GROUP, type Stage, startAws } from './stage.ts';

/** Emulated time passes so much faster: six minutes in half a minute. */
const SPEED = 12;
/** How long the builds of each builder take, in seconds; the last builder stays and takes over the service. */
const SECONDS = [[], [75], [40, 200], [140, 330], []];

export async function emulatedStage(): Promise<Stage> {
  const clock = new RunningClock(SPEED);
  const { aws, close } = await startAws(clock);
  const nomad = await NomadEmulator.start({ clock });
  const builders = SECONDS.map((durations, index): Builder => {
    const instanceId = aws.addInstance(GROUP);
    const name = `client-${index + 1}`;
    const nodeId = nomad.addNode({ instanceId, name, address: aws.instance(instanceId).privateIp }).id;
    const builds = durations.map((runSeconds, build) => {
      const id = `build-${index + 1}${'ab'[build]}`;
      nomad.run({ id, type: 'batch', on: nodeId, runSeconds });
      return id;
    });
    return { instanceId, nodeId, name, builds };
  });
  nomad.run({ id: 'web', type: 'service', minHealthySeconds: 10 });
  aws.onInstanceGone(({ id }) => {
    const builder = builders.find(({ instanceId }) => instanceId === id);
    if (builder) nomad.killInstance(builder.nodeId);
  });
  return {
    clock,
    aws,
    nomad: nomadApi(nomad.url),
    access: { via: 'http', address: nomad.url },
    builders,
    about: `emulated AWS and Nomad; ${SPEED} s of their time pass in one second`,
    close: async () => {
      await nomad.close();
      await close();
    },
  };
}
