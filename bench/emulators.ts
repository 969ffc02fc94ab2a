/** The emulators in a process of their own, so that the processor time of the function's process is the function's alone. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { AwsEmulator } from '../emulators/aws/aws.ts';
import { environmentOf } from '../emulators/aws/environment.ts';
import { RunningClock } from '../emulators/clock.ts';
import { NomadEmulator } from '../emulators/nomad/emulator.ts';

export const GROUP = 'builders';

interface Started {
  environment: Record<string, string>;
  nomad: string;
}

/** What a world of the other process was asked, and has done. */
export interface Counts {
  nomad: number;
  aws: number;
  completed: number;
}

/** Worlds in another process, one at a time. */
export class Emulators {
  readonly #process: ChildProcess = fork(import.meta.filename);

  /** A new world on the wall clock, in which so many instances wait, each with a node that runs nothing. */
  async start(waiting: number): Promise<Started> {
    return (await this.#ask({ waiting })) as Started;
  }

  async counts(): Promise<Counts> {
    return (await this.#ask({})) as Counts;
  }

  close(): void {
    this.#process.kill();
  }

  async #ask(question: object): Promise<unknown> {
    this.#process.send(question);
    return (await once(this.#process, 'message'))[0];
  }
}

if (process.send && import.meta.main) serve();

function serve(): void {
  let world: { aws: AwsEmulator; nomad: NomadEmulator } | undefined;
  process.on('message', async ({ waiting }: { waiting?: number }) => {
    if (waiting === undefined) {
      const { aws, nomad } = world ?? {};
      const counts = { nomad: nomad?.server.arrived, aws: aws?.requests.length, completed: aws?.completions.length };
      process.send?.(counts);
      return;
    }
    await world?.nomad.close();
    await world?.aws.close();
    world = await made(waiting);
    process.send?.({ environment: environmentOf(world.aws), nomad: world.nomad.url });
  });
}

async function made(waiting: number) {
  const clock = new RunningClock();
  const aws = await AwsEmulator.start({ clock, timing: { beforeWaitMs: 0 } });
  // No heartbeat of a client is late, however slow the machine is.
  const nomad = await NomadEmulator.start({ clock, heartbeatTtlSeconds: 3600 });
  aws.addGroup({ name: GROUP, hook: { name: 'nomad-drain', heartbeatTimeoutSeconds: 1800 } });
  const ids = Array.from({ length: waiting }, () => aws.addInstance(GROUP));
  for (const instanceId of ids) nomad.addNode({ instanceId });
  // One that stays, as in any group.
  nomad.addNode({ instanceId: aws.addInstance(GROUP) });
  aws.scaleIn(GROUP, ids);
  while (aws.waiting.length < waiting) await sleep(10);
  return { aws, nomad };
}
