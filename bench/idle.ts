import { setTimeout as sleep } from 'node:timers/promises';
import { ROUNDS } from './row.ts';
import { Account, emulated, SWEEP } from './site.ts';

/** How long an answer of AWS takes at least, in milliseconds: an assumption, of the order that is seen inside a region. */
export const AWS_ANSWERS_MS = 25;

/** A sweep that finds nobody waiting, warm. */
export interface IdleSweep {
  ms: number;
  /** Of the function and of the emulators that answered it: too much rather than too little. */
  cpuMs: number;
}

export async function idleSweeps(rounds = 3 * ROUNDS): Promise<IdleSweep[]> {
  const site = await emulated(10);
  const account = await Account.of(site);
  try {
    for (const server of Object.values(account.aws.servers)) {
      server.fault = async () => {
        await sleep(AWS_ANSWERS_MS);
        return undefined;
      };
    }
    const run = await account.environment();
    const context = { getRemainingTimeInMillis: () => 60_000 };
    // What is compiled and remembered at first is not of the month.
    for (let before = 0; before < 3; before++) await run(SWEEP, context);
    const samples: IdleSweep[] = [];
    for (let round = 0; round < rounds; round++) {
      const [began, before] = [performance.now(), process.cpuUsage()];
      await run(SWEEP, context);
      const { user, system } = process.cpuUsage(before);
      samples.push({ ms: performance.now() - began, cpuMs: (user + system) / 1000 });
    }
    return samples;
  } finally {
    await account.close();
    await site.close();
  }
}
