import { afterEach, beforeEach } from 'vitest';
import { AwsEmulator } from '../../../emulators/aws/aws.ts';
import { type AwsClients, connect } from '../../../emulators/aws/clients.ts';
import { ManualClock } from '../../../emulators/clock.ts';

/** Those of the test that runs. */
export let clock: ManualClock;
export let aws: AwsEmulator;
export let clients: AwsClients;

/** Each test of a file has an account of its own, on a clock that it moves. */
export function eachInItsOwnAccount(): void {
  beforeEach(async () => {
    clock = new ManualClock();
    aws = await AwsEmulator.start({ clock });
    clients = connect(aws);
  });
  afterEach(() => aws.close());
}
