import { startNomad } from '../../../emulators/real-nomad/agent.ts';
import { nomadContract } from '../cases.ts';
import { underTest } from './under-test.ts';

const binary = process.env.NOMAD_BIN;
if (!binary) {
  throw new Error('NOMAD_BIN is not set: NOMAD_BIN=/path/to/nomad npm run test:nomad (as root; Nomad 1.6 or later)');
}

nomadContract(`a real Nomad (${binary})`, async () => underTest(await startNomad(binary)));
