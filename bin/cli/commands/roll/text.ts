import { say } from '../../../../lambda/core/explain.ts';
import { wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';
import { count } from '../../terminal/words.ts';
import { instancesText, withShortNames } from '../plan/instances-text.ts';
import type { RollPlan } from './roll-plan.ts';

const HOUR_SECONDS = 3600;

/** What will happen: which instances are replaced, how, for how long, at what cost, and what of AWS limits it. */
export function rollText({ plan, warnings }: { plan: RollPlan; warnings: readonly string[] }, page: Page): string {
  const { columns, ink } = page;
  const { skipped, instances } = plan;
  const paragraphs = [howText(plan), orderText(plan), timeText(plan), costText(plan), ...limitTexts(plan)];
  return [
    headText(plan, page),
    ...(instances.length > 0 ? [instancesText(withShortNames(instances), page)] : []),
    ...(skipped.length > 0
      ? [skipped.map(({ instanceId, because }) => `  ${instanceId}  ${ink.quiet(`skipped: ${because}`)}`).join('\n')]
      : []),
    ...paragraphs.map((text) => wrap(text, columns)),
    ...warnings.map((warning) => ink.warn(wrap(`Warning: ${warning}`, columns))),
  ].join('\n\n');
}

function headText({ group, version, isVersionOpen, replaced, skipped }: RollPlan, { columns, ink }: Page): string {
  const all = count(replaced.length + skipped.length, 'instance');
  const which = group.template ? ` to version ${version} of ${group.template.name}` : '';
  const most = isVersionOpen ? 'at most ' : '';
  return wrap(
    `${ink.heading(group.name)}  rolls${which}: ${most}${replaced.length} of ${all} will be replaced`,
    columns,
  );
}

function howText({ group, atOnce, canary, preferences }: RollPlan): string {
  const { CheckpointDelay = 0, InstanceWarmup = 0 } = preferences;
  const first =
    canary > 0
      ? ` First ${count(canary, 'instance')} as a canary; the rest follows ${say(CheckpointDelay)} later.`
      : '';
  return `How: Auto Scaling launches up to ${atOnce} more than the desired capacity of ${group.desiredCapacity}, and terminates an old instance only when a new one has been in service for ${say(InstanceWarmup)}: never fewer than ${group.desiredCapacity} in service. The hook drains the old ones.${first}`;
}

function orderText({ group: { terminationPolicies } }: RollPlan): string {
  const [first = 'Default'] = terminationPolicies;
  const by = first.startsWith('arn:') ? `as a function says (${first})` : `by ${terminationPolicies.join(', ')}`;
  return `Order: Auto Scaling chooses ${by}, among those that are to be replaced.`;
}

function timeText({ times, batches, replaced }: RollPlan): string {
  const { longest, oneAfterAnother, deadline, unknown } = times;
  const known = replaced.length - unknown;
  const expected =
    known === 0
      ? 'how long the drains take is unknown'
      : `the longest drain is expected to take ${say(longest)}${unknown > 0 ? `; unknown for ${count(unknown, 'instance')}` : ''}`;
  const all =
    batches > 1 && oneAfterAnother > longest
      ? ` If AWS waits for the drains of a batch before the next, which it does not document, all take up to ${say(oneAfterAnother)}.`
      : '';
  return `Time: ${expected}; none takes longer than ${say(deadline)}, the drain deadline.${all} Each of ${count(batches, 'batch', 'batches')} also takes the time that a new instance needs to join.`;
}

/** The old ones run beside the new ones while they drain. */
function costText({ times, replaced }: RollPlan): string {
  const hours = (seconds: number) => Math.round((seconds / HOUR_SECONDS) * 10) / 10;
  const most = `at most ${hours(times.deadline * replaced.length)} more instance hours`;
  const expected = `; about ${hours(times.total)} by the drains of which the time is known`;
  return `Cost: old instances run beside new ones while they drain: ${most}${times.unknown < replaced.length ? expected : ''}.`;
}

function limitTexts({
  group,
  mayFail,
  mayExceed14Days,
  times,
  atOnce,
  replaced,
  isVersionOpen,
  version,
}: RollPlan): string[] {
  const { name, template } = group;
  const again = template?.byAttributes
    ? 'roll again: it then replaces all instances, as this group chooses instance types by attributes, which excludes skipping those that match'
    : 'roll again: it goes on with the instances that are left';
  return [
    ...(mayFail
      ? [
          `Limit: AWS marks a refresh as failed after an hour without progress, and a drain may take ${say(times.deadline)}. Failed kills nothing: what drains goes on draining, and nothing more is replaced. Then ${again}. ${atOnce} to ${replaced.length} instances may drain at a time.`,
        ]
      : []),
    ...(mayExceed14Days ? ['Limit: AWS ends a refresh after 14 days; this one may take longer.'] : []),
    ...(isVersionOpen && template
      ? [`Which instances match ${version} is known to Auto Scaling alone. ${name} cannot be rolled back.`]
      : []),
  ];
}
