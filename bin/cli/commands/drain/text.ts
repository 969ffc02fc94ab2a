import type { InstanceReport } from '../../../../lambda/core/drain/report.ts';
import type { InstancePlan } from '../../../../lambda/core/queries/plan/instance.ts';
import type { Group } from '../../aws/auto-scaling.ts';
import { allocationsText } from '../../terminal/allocations.ts';
import { wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';

/** An instance that is to be drained, and its group. */
interface Leaving {
  instance: InstanceReport;
  group: Group;
  replace: boolean;
  /** What the drain would mean for what runs there, if that is known. */
  plan: InstancePlan | undefined;
}

/** Something is lost, or stops. */
const isBad = ({ verdict }: InstancePlan): boolean => ['stops', 'nowhere', 'may-be-killed', 'killed'].includes(verdict);

/** What runs on an instance, and what becomes of it and of its group. */
export function leavingText({ instance, group, replace, plan }: Leaving, page: Page): string {
  const { instanceId, nodeId, nodeName, remaining, would, because } = instance;
  const { desiredCapacity } = group;
  const then = replace
    ? `${group.name} keeps its desired capacity of ${desiredCapacity}: another instance takes its place.`
    : `${group.name} then has a desired capacity of ${desiredCapacity - 1} instead of ${desiredCapacity}.`;
  return [
    wrap(
      `${page.ink.heading(instanceId)}  ${nodeName ?? page.ink.warn('no Nomad node')}  in service in ${group.name}`,
      page.columns,
    ),
    allocationsText(remaining, page),
    ...(plan && isBad(plan) ? [page.ink.bad(wrap(`Warning: ${plan.because}`, page.columns))] : []),
    wrap(`The hook would ${would ?? 'wait'}${nodeId === null ? `: ${because}` : ''}.`, page.columns),
    wrap(then, page.columns),
  ].join('\n\n');
}
