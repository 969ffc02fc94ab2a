import type { InstanceReport, Report } from '../../../lambda/core/report.ts';
import { table, wrap } from '../screen/layout.ts';
import type { Page } from '../screen/page.ts';
import { between, count, moment } from '../screen/words.ts';

/** Whether somebody has to see to it: nothing of this passes by itself. */
export const needsPerson = ({ instances, retained = [], warnings }: Report): boolean =>
  instances.some(isInTrouble) || retained.length > 0 || warnings.length > 0;

const isInTrouble = ({ stuck, unserved }: InstanceReport) => stuck !== undefined || unserved === true;

/** Each group, and under it the instances that wait; then what an operator should fix. */
export function statusText(report: Report, page: Page): string {
  const { groups = [], instances, retained = [], warnings } = report;
  const named = new Set([...groups, ...instances.map(({ group }) => group), ...retained.map(({ group }) => group)]);
  return [
    ...[...named].map((group) => groupText(group, report, page)),
    ...warnings.map((warning) => page.ink.warn(wrap(`warning: ${warning}`, page.columns))),
  ].join('\n\n');
}

function groupText(group: string, { instances, retained = [], at }: Report, page: Page): string {
  const { ink } = page;
  const waiting = instances.filter((each) => each.group === group);
  const kept = retained.filter((each) => each.group === group);
  const troubled = waiting.filter(isInTrouble).length;
  const counts = [
    waiting.length === 0 ? ink.quiet('nobody waits') : `${count(waiting.length, 'instance')} waiting`,
    ...(troubled > 0 ? [ink.bad(`${troubled} stuck`)] : []),
    ...(kept.length > 0 ? [ink.bad(`${kept.length} retained`)] : []),
  ];
  const now = moment(at) ?? Date.now();
  return [
    `${ink.heading(group)}  ${counts.join(', ')}`,
    ...waitingLines(waiting, now, page),
    ...kept.map(({ instanceId, state }) =>
      wrap(`${instanceId}  ${state}: Auto Scaling keeps it until a person has looked at it`, page.columns, '  '),
    ),
  ].join('\n');
}

/** The oldest first: a line of a table for each, and under it why it waits. */
function waitingLines(waiting: readonly InstanceReport[], now: number, page: Page): string[] {
  if (waiting.length === 0) return [];
  const oldest = waiting.toSorted(
    (one, other) => (moment(one.waitingSince) ?? now) - (moment(other.waitingSince) ?? now),
  );
  const rows = oldest.map(({ instanceId, nodeName, waitingSince, deadlineAt, ...each }) => {
    const [since, until] = [moment(waitingSince), moment(deadlineAt)];
    return [
      { text: instanceId, ink: isInTrouble(each as InstanceReport) ? page.ink.bad : page.ink.heading },
      nodeName ?? '-',
      since === undefined ? 'waiting' : `waiting ${between(since, now)}`,
      until === undefined ? '' : until <= now ? 'deadline over' : `deadline in ${between(now, until)}`,
    ];
  });
  const lines = table(rows, { columns: page.columns, indent: '  ', flexible: 1 }).split('\n');
  return oldest.flatMap((instance, index) => [lines[index] ?? '', whyText(instance, page)]);
}

function whyText({ because, stuck }: InstanceReport, { columns, ink }: Page): string {
  const lines = wrap(because, columns, '    ');
  return stuck === undefined ? lines : ink.bad(lines);
}
