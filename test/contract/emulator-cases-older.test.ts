import { nomadContract } from './cases.ts';
import { startEmulator } from './emulator-under-test.ts';

nomadContract('the Nomad emulator, as 1.11.3', startEmulator('1.11.3'));
nomadContract('the Nomad emulator, as 1.8.4', startEmulator('1.8.4'));
nomadContract('the Nomad emulator, as 1.6.10', startEmulator('1.6.10'));
