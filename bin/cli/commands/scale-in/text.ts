import type { InstancePlan } from '../../../../lambda/core/queries/plan/instance.ts';
import type { Group } from '../../aws/auto-scaling.ts';
import { wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';
import { count } from '../../terminal/words.ts';
import { instancesText, withShortNames } from '../plan/instances-text.ts';

/** A group that is to be smaller. */
interface Shrinking {
  group: Group;
  to: number;
  /** How many instances count toward its desired capacity, and how many of them go. */
  counted: number;
  going: number;
  /** Its instances in service, each as if it went alone: the ones that cost least come first. */
  instances: readonly InstancePlan[];
}

/** What runs on which instance, how many go, and who chooses them. */
export function shrinkingText({ group, to, counted, going, instances }: Shrinking, page: Page): string {
  const { name, desiredCapacity, terminationPolicies } = group;
  const instancesGoing = going === 0 ? 'no instance' : count(going, 'instance');
  const asksFunction = terminationPolicies[0]?.startsWith('arn:') ?? false;
  const chosen = asksFunction
    ? `Auto Scaling chooses the ${instancesGoing}, and asks a function first (${terminationPolicies[0]}).`
    : `Auto Scaling chooses the ${instancesGoing}, by ${terminationPolicies.join(', ')}: not by what runs there. To choose yourself: nomad-drain-hook drain <instance>`;
  return [
    `${page.ink.heading(name)}  desired capacity ${desiredCapacity}, then ${to}: ${instancesGoing} will go`,
    ...(counted === desiredCapacity ? [] : [page.ink.warn(wrap(differsText(counted, desiredCapacity), page.columns))]),
    ...(instances.length > 0 ? [instancesText(withShortNames(instances), page)] : []),
    ...(going > 0 ? [wrap(chosen, page.columns)] : []),
  ].join('\n\n');
}

function differsText(counted: number, desiredCapacity: number): string {
  const why =
    counted < desiredCapacity ? 'Auto Scaling has yet to launch the rest' : 'Auto Scaling has yet to choose the rest';
  return `${count(counted, 'instance')} in service or starting, of a desired capacity of ${desiredCapacity}: ${why}.`;
}
