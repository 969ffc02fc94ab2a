import { setImmediate } from 'node:timers/promises';
import { ManualClock } from '../../emulators/clock.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';
import type { Version } from '../../emulators/nomad/version.ts';
import type { NomadUnderTest } from './nomad-under-test.ts';

/** Between two looks. */
const LOOK_MS = 250;

/** The emulator as a Nomad of this version, for the shared cases. */
export const startEmulator = (version: Version) => async (): Promise<NomadUnderTest> => {
  const clock = new ManualClock();
  const nomad = await NomadEmulator.start({ clock, acl: true, version });
  const nodes = [
    { name: 'client-a', instanceId: 'i-0a0a', hostVolumes: ['data-a'] },
    { name: 'client-b', instanceId: 'i-0b0b', hostVolumes: ['data-b'] },
  ].map((spec) => ({ ...spec, id: nomad.addNode(spec).id }));
  const agents = await nomad.clientAgents.listen((host) =>
    nodes.filter(({ name }) => name === host).map(({ id }) => id),
  );
  // Each request has arrived, and is answered unless it waits for the clock.
  const settle = async () => {
    do await setImmediate();
    while (under.open > nomad.server.parked + agents.parked || nomad.server.busy + agents.busy > 0);
  };
  const wait = async (ms: number) => {
    await settle();
    await clock.advance(ms);
    await settle();
  };
  const under: NomadUnderTest = {
    open: 0,
    address: nomad.url,
    managementToken: nomad.managementToken,
    version,
    nodes,
    now: () => clock.now(),
    wait,
    waitForChange: async (limit) => {
      // Whatever changes does so by a timer: before the next one, each look would see the same.
      const next = Math.min(clock.next() ?? Number.POSITIVE_INFINITY, limit + 1);
      await wait(Math.max(1, Math.ceil((next - clock.now()) / LOOK_MS)) * LOOK_MS);
    },
    stopClient: async (i) => nomad.stopClient(nodes[i]?.id ?? ''),
    startClient: async (i) => nomad.startClient(nodes[i]?.id ?? ''),
    clientAt: (i) => ({ url: agents.url, host: nodes[i]?.name ?? '' }),
    stopServers: async () => {
      nomad.clientAgents.servers = 'refuse';
    },
    startServers: () => nomad.clientAgents.heal(),
    newIdentity: async (i) => {
      const node = nodes[i];
      if (node) node.id = nomad.newIdentity(node.id).id;
    },
    close: () => nomad.close(),
  };
  return under;
};
