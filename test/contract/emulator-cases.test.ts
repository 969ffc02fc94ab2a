import { setTimeout as sleep } from 'node:timers/promises';
import { ManualClock } from '../emulators/clock.ts';
import { NomadEmulator } from '../emulators/nomad/emulator.ts';
import { nomadContract } from './cases.ts';

nomadContract('the Nomad emulator', async () => {
  const clock = new ManualClock();
  const nomad = await NomadEmulator.start({ clock, acl: true });
  const nodes = [
    { name: 'client-a', instanceId: 'i-0a0a' },
    { name: 'client-b', instanceId: 'i-0b0b' },
  ].map((spec) => ({ ...spec, id: nomad.addNode(spec).id }));
  return {
    address: nomad.url,
    managementToken: nomad.managementToken,
    version: '2.0.6',
    nodes,
    now: () => clock.now(),
    wait: async (ms) => {
      // Wall time for requests under way to arrive, or to be answered; the emulator's time stands still meanwhile.
      await sleep(2);
      await clock.advance(ms);
      await sleep(2);
    },
    stopClient: async (i) => nomad.stopClient(nodes[i]?.id ?? ''),
    close: () => nomad.close(),
  };
});
