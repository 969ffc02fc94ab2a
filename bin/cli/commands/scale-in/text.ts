import type { InstancePlan } from '../../../../lambda/core/queries/plan/instance.ts';
import type { Group } from '../../aws/auto-scaling.ts';
import { wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';
import { count } from '../../terminal/words.ts';
import { instancesText } from '../plan/instances-text.ts';

/** A group that is to be smaller. */
interface Shrinking {
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
    instancesText(instances, page),
    wrap(chosen, page.columns),
  ].join('\n\n');
}
