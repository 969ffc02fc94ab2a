import { type Cell, table } from '../cli/terminal/layout.ts';
import type { Page } from '../cli/terminal/page.ts';
import type { Builder, Stage } from './stage.ts';

/** How the demo ended. */
export interface Result {
  instances: InstanceResult[];
  /** Builds of the leaving clients that ended by themselves. */
  finished: number;
  /** Builds that were killed, on clients that stay too: 0, or the demo has failed. */
  killed: number;
  /** Instances that were not released in time: 0, or the demo has failed. */
  kept: number;
}

interface InstanceResult {
  name: string;
  instanceId: string;
  outcome: string;
  /** From the scale-in until the instance was released. */
  drainedInSeconds: number | null;
  buildsFinished: number;
  buildsKilled: number;
}

/** How it all ended, as Auto Scaling and Nomad have it. */
export async function conclude(
  { aws, nomad, builders }: Stage,
  leaving: readonly Builder[],
  outcomes: ReadonlyMap<string, string>,
  began: number,
): Promise<Result> {
  const ends = await Promise.all(builders.flatMap(({ builds }) => builds.map((build) => nomad.buildEnded(build))));
  const instances: InstanceResult[] = [];
  for (const { name, instanceId, builds } of leaving) {
    const completion = aws.completions.find((each) => each.instanceId === instanceId);
    const own = await Promise.all(builds.map((build) => nomad.buildEnded(build)));
    instances.push({
      name,
      instanceId,
      outcome: completion ? (outcomes.get(instanceId) ?? `released by ${completion.by}`) : 'kept',
      drainedInSeconds: completion ? Math.round((completion.at - began) / 1000) : null,
      buildsFinished: own.filter((end) => end === 'finished').length,
      buildsKilled: own.filter((end) => end === 'killed').length,
    });
  }
  return {
    instances,
    finished: instances.reduce((sum, { buildsFinished }) => sum + buildsFinished, 0),
    killed: ends.filter((end) => end === 'killed').length,
    kept: instances.filter(({ outcome }) => outcome === 'kept').length,
  };
}

/** The result as a person reads it. */
export function resultText({ instances, finished, killed, kept }: Result, { columns, ink }: Page): string {
  const head = ['client', 'instance', 'outcome', 'drained in', 'builds finished', 'killed'];
  const none = (number: number): Cell => ({ text: String(number), ink: number === 0 ? ink.good : ink.bad });
  return table(
    [
      head.map((text) => ({ text, ink: ink.heading })),
      ...instances.map((each) => [
        { text: each.name, ink: ink.heading },
        { text: each.instanceId, ink: ink.quiet },
        { text: each.outcome, ink: each.outcome === 'kept' ? ink.bad : ink.good },
        each.drainedInSeconds === null ? '-' : `${each.drainedInSeconds} s`,
        String(each.buildsFinished),
        none(each.buildsKilled),
      ]),
      ['all', '', kept === 0 ? 'none kept' : `${kept} kept`, '', String(finished), none(killed)],
    ],
    { columns, right: [3, 4, 5], flexible: 0 },
  );
}
