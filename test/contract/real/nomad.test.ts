import { setTimeout as sleep } from 'node:timers/promises';
import { startNomad } from '../../../emulators/real-nomad/agent.ts';
import { nomadContract } from '../cases.ts';

const binary = process.env.NOMAD_BIN;
if (!binary) {
  throw new Error('NOMAD_BIN is not set: NOMAD_BIN=/path/to/nomad npm run test:nomad (as root; Nomad 1.6 or later)');
}

nomadContract(`a real Nomad (${binary})`, async () => {
  const nomad = await startNomad(binary);
  return { ...nomad, open: 0, now: () => Date.now(), wait: (ms) => sleep(ms), waitForChange: () => sleep(250) };
});
