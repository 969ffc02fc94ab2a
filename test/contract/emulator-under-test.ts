import { setTimeout as sleep } from 'node:timers/promises';
import { ManualClock } from '../../emulators/clock.ts';
import { NomadEmulator } from '../../emulators/nomad/emulator.ts';
import type { Version } from '../../emulators/nomad/version.ts';
import type { NomadUnderTest } from './nomad-under-test.ts';

/** The emulator as a Nomad of this version, for the shared cases. */
export const startEmulator = (version: Version) => async (): Promise<NomadUnderTest> => {
  const clock = new ManualClock();
  const nomad = await NomadEmulator.start({ clock, acl: true, version });
  const nodes = [
    { name: 'client-a', instanceId: 'i-0a0a', hostVolumes: ['data-a'] },
    { name: 'client-b', instanceId: 'i-0b0b', hostVolumes: ['data-b'] },
  ].map((spec) => ({ ...spec, id: nomad.addNode(spec).id }));
  return {
    address: nomad.url,
    managementToken: nomad.managementToken,
    version,
    nodes,
    now: () => clock.now(),
    wait: async (ms) => {
      // Real time for requests to arrive or to be answered; the emulator's clock does not move meanwhile.
      await sleep(2);
      await clock.advance(ms);
      await sleep(2);
    },
    stopClient: async (i) => nomad.stopClient(nodes[i]?.id ?? ''),
    startClient: async (i) => nomad.startClient(nodes[i]?.id ?? ''),
    newIdentity: async (i) => {
      const node = nodes[i];
      if (node) node.id = nomad.newIdentity(node.id).id;
    },
    close: () => nomad.close(),
  };
};
