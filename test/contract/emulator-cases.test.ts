import { nomadContract } from './cases.ts';
import { startEmulator } from './emulator-under-test.ts';

nomadContract('the Nomad emulator', startEmulator('2.0.6'));
