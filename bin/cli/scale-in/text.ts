import { say } from '../../../lambda/core/explain.ts';
import type { InstancePlan, Verdict } from '../../../lambda/core/plan/instance.ts';
import type { Group } from '../aws/auto-scaling.ts';
import { type Cell, table, wrap } from '../screen/layout.ts';
import type { Page } from '../screen/page.ts';
import { count } from '../screen/words.ts';

/** A group that is to be smaller. */
export interface Shrinking {
  group: Group;
  to: number;
  /** Its instances in service, each as if it went alone: the ones that cost least come first. */
  instances: readonly InstancePlan[];
}

/** What runs on which instance, how many go, and who chooses them. */
export function shrinkingText({ group, to, instances }: Shrinking, page: Page): string {
  const { name, desiredCapacity, terminationPolicies } = group;
  const going = count(desiredCapacity - to, 'instance');
  const asksFunction = terminationPolicies[0]?.startsWith('arn:') ?? false;
  const chosen = asksFunction
    ? `Auto Scaling chooses the ${going}, and asks a function first (${terminationPolicies[0]}).`
    : `Auto Scaling chooses the ${going}, by ${terminationPolicies.join(', ')}: not by what runs there. To choose yourself: nomad-drain-hook drain <instance>`;
  return [
    `${page.ink.heading(name)}  desired capacity ${desiredCapacity}, then ${to}: ${going} will go`,
    plansText(instances, page),
    wrap(chosen, page.columns),
  ].join('\n\n');
}

/** Instances, what their end would mean, and why. */
function plansText(instances: readonly InstancePlan[], page: Page): string {
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
    unknown: { text: 'nobody knows how long', ink: ink.warn },
    'may-be-killed': { text: `may be killed in ${say(deadlineSeconds)}`, ink: ink.warn },
    nowhere: { text: 'has nowhere to go', ink: ink.bad },
    killed: { text: `would be killed in ${say(deadlineSeconds)}`, ink: ink.bad },
  };
  return said[verdict];
}
