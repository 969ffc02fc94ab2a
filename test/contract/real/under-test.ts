import { setTimeout as sleep } from 'node:timers/promises';
import type { RealNomad } from '../../../emulators/real-nomad/agent.ts';
import type { NomadUnderTest } from '../nomad-under-test.ts';

/** Real agents, in real time, for the shared cases. */
export const underTest = (nomad: RealNomad): NomadUnderTest => ({
  ...nomad,
  clientAt: (i) => {
    const { address = '' } = nomad.nodes[i] ?? {};
    return { url: address, host: new URL(address).host };
  },
  stopServers: nomad.stopServer,
  startServers: nomad.startServer,
  open: 0,
  now: () => Date.now(),
  wait: (ms) => sleep(ms),
  waitForChange: () => sleep(250),
});
