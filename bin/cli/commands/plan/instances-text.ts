import { say } from '../../../../lambda/core/explain.ts';
import type { InstancePlan, Verdict } from '../../../../lambda/core/queries/plan/instance.ts';
import { type Cell, table, wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';
import { shortNames } from '../../terminal/words.ts';

/** The same instances, with the names of their nodes as short as they are unique. */
export function withShortNames(instances: readonly InstancePlan[]): InstancePlan[] {
  const names = shortNames(instances.flatMap(({ node }) => node ?? []));
  return instances.map((plan) => (plan.node ? { ...plan, node: names.get(plan.node) ?? plan.node } : plan));
}

/** Instances, what their end would mean, and why. */
export function instancesText(instances: readonly InstancePlan[], page: Page): string {
  const rows = instances.map((plan): Cell[] => [
    { text: plan.instanceId, ink: page.ink.heading },
    { text: plan.node ?? '-' },
    verdictCell(plan, page),
  ]);
  const lines = table(rows, { columns: page.columns, indent: '  ', flexible: 1 }).split('\n');
  return instances
    .flatMap(({ because }, index) => [lines[index] ?? '', wrap(because, page.columns, '    ')])
    .join('\n');
}

function verdictCell({ verdict, expectedSeconds, deadlineSeconds }: InstancePlan, { ink }: Page): Cell {
  const ends = expectedSeconds === undefined ? 'goes when its builds end' : `goes in ${say(expectedSeconds)} or so`;
  const said: Record<Verdict, Cell> = {
    'at-once': { text: 'goes at once', ink: ink.good },
    moves: { text: 'goes when its services have moved', ink: ink.good },
    ends: { text: ends },
    unknown: { text: 'unknown how long', ink: ink.warn },
    'may-be-killed': { text: `may lose a build in ${say(deadlineSeconds)}`, ink: ink.warn },
    stops: { text: 'stops a service that has nowhere to go', ink: ink.bad },
    nowhere: { text: 'has a service with nowhere to go', ink: ink.bad },
    killed: { text: `would lose a build in ${say(deadlineSeconds)}`, ink: ink.bad },
  };
  return said[verdict];
}
