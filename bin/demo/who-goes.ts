import { FUNCTION_ARN, HOUR, MINUTE, World } from '../../emulators/world/world.ts';
import { say } from '../../lambda/core/explain.ts';
import { table } from '../cli/terminal/layout.ts';
import type { Page } from '../cli/terminal/page.ts';

/** How a scale-in went, by who chose the clients that had to go. */
export interface ScaleIn {
  chosenBy: 'age' | 'this function';
  /** Clients that had to go. */
  clients: number;
  buildsWaitedFor: number;
  buildsKilled: number;
  /** From the scale-in until the last instance was released, in seconds; null if that did not happen. */
  freeAfterSeconds: number | null;
}

/** Minutes that are left of the build of each client, the oldest first; 0: it is idle. */
const MINUTES_LEFT = [50, 0, 35, 20, 0, 10];
const GOING = 2;

/** The same scale-in twice: by two of six clients, chosen by age, and chosen by the function. Emulated, as fast as it can. */
export async function whoGoes(): Promise<ScaleIn[]> {
  return [await scaleIn('age', ['OldestInstance']), await scaleIn('this function', [FUNCTION_ARN, 'Default'])];
}

async function scaleIn(chosenBy: ScaleIn['chosenBy'], terminationPolicies: string[]): Promise<ScaleIn> {
  const world = await World.start({ group: { terminationPolicies } });
  try {
    const builders: ReturnType<World['addBuilder']>[] = [];
    for (const [index, minutes] of MINUTES_LEFT.entries()) {
      const builder = world.addBuilder();
      builders.push(builder);
      const { nodeId } = builder;
      if (minutes > 0) world.nomad.run({ id: `build-${index}`, type: 'batch', on: nodeId, runSeconds: minutes * 60 });
      await world.advance(MINUTE);
    }
    const began = world.clock.now();
    await world.shrink(GOING);
    const going = builders.filter(({ instanceId }) => world.aws.instance(instanceId).state !== 'InService');
    const left = going.flatMap(({ nodeId }) => world.nomad.allocationsOn(nodeId));
    const waitedFor = left.filter(({ ClientStatus }) => ClientStatus === 'running');
    await world.deliver();
    while (world.aws.waiting.length > 0 && world.clock.now() < began + HOUR) await world.sweepFor(MINUTE);
    const ends = world.aws.completions.map(({ at }) => at);
    return {
      chosenBy,
      clients: GOING,
      buildsWaitedFor: waitedFor.length,
      buildsKilled: world.killedBuilds.length,
      freeAfterSeconds: ends.length < GOING ? null : Math.round((Math.max(...ends) - began) / 1000),
    };
  } finally {
    await world.close();
  }
}

/** The two as a person reads them. */
export function comparison(scaleIns: readonly ScaleIn[], { columns, ink }: Page): string {
  const head = ['the same scale-in, chosen by', 'clients', 'builds waited for', 'killed', 'free after'];
  return table(
    [
      head.map((text) => ({ text, ink: ink.heading })),
      ...scaleIns.map(({ chosenBy, clients, buildsWaitedFor, buildsKilled, freeAfterSeconds }) => [
        chosenBy,
        String(clients),
        String(buildsWaitedFor),
        String(buildsKilled),
        freeAfterSeconds === null ? 'never' : say(freeAfterSeconds),
      ]),
    ],
    { columns, right: [1, 2, 3, 4] },
  );
}
