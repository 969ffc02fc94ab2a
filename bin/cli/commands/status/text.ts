import stringWidth from 'string-width';
import type { InstanceReport, Report } from '../../../../lambda/core/drain/report.ts';
import { LOOK_BACK_SECONDS } from '../../aws/sweeps.ts';
import { bar } from '../../terminal/bar.ts';
import { type Cell, table, wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';
import { between, clockTime, count, moment, shortNames } from '../../terminal/words.ts';
import type { StatusAnswer } from './ask.ts';

/** Whether action is needed: none of this resolves by itself. */
export const needsPerson = (answer: StatusAnswer): boolean => {
  const { instances, joining = [], missing = [], retained = [], warnings, lastSweep } = answer;
  const left = retained.length + missing.length + warnings.length;
  return lastSweep === null || [...instances, ...joining].some(isInTrouble) || left > 0;
};

const isInTrouble = ({ stuck, unserved }: InstanceReport) => stuck !== undefined || unserved === true;

/** Each group, and under it the instances that wait; then what an operator should fix. */
export function statusText(report: StatusAnswer, page: Page): string {
  const { groups = [], instances, joining = [], missing = [], retained = [], warnings } = report;
  const listed = [...instances, ...joining, ...missing, ...retained];
  const named = new Set([...groups, ...listed.map(({ group }) => group)]);
  return [
    ...noSweepText(report, page),
    ...[...named].map((group) => groupText(group, report, page)),
    ...warnings.map((warning) => page.ink.warn(wrap(`warning: ${warning}`, page.columns))),
    ...throughText(report, page),
    ...sweepText(report, page),
  ].join('\n\n');
}

const throughText = ({ through }: StatusAnswer, { columns, ink }: Page): string[] =>
  through === undefined ? [] : [ink.quiet(wrap(`Nomad answered through ${through}`, columns))];

function sweepText({ at, lastSweep, lastSweepUnknown }: StatusAnswer, { columns, ink }: Page): string[] {
  if (lastSweepUnknown !== undefined) return [ink.quiet(wrap(`last sweep not known: ${lastSweepUnknown}`, columns))];
  if (typeof lastSweep !== 'string') return [];
  const minutes = Math.floor(((moment(at) ?? Date.now()) - Date.parse(lastSweep)) / 60_000);
  const ago = minutes < 1 ? 'less than a minute ago' : `${minutes} min ago`;
  return [ink.quiet(`last sweep ${ago} (from CloudWatch)`)];
}

/** Without sweeps no heartbeats are sent: waiting instances are terminated with their builds. */
function noSweepText({ lastSweep }: StatusAnswer, { columns, ink }: Page): string[] {
  if (lastSweep !== null) return [];
  const minutes = LOOK_BACK_SECONDS / 60;
  const text =
    `no sweep for ${minutes} min: waiting instances are terminated with their builds when the heartbeat timeout of ` +
    'their hook is over. See SweepMissing in docs/operations.md';
  return [ink.bad(wrap(text, columns))];
}

function groupText(group: string, report: Report, page: Page): string {
  const { ink } = page;
  const its = <T extends { group: string }>(all: readonly T[] = []) => all.filter((each) => each.group === group);
  const [waiting, joining] = [its(report.instances), its(report.joining)];
  const [kept, missing] = [its(report.retained), its(report.missing)];
  const stuck = [...waiting, ...joining].filter((each) => each.stuck !== undefined).length;
  const unserved = [...waiting, ...joining].filter((each) => each.unserved && each.stuck === undefined).length;
  const counts = [
    waiting.length === 0 ? ink.quiet('no instances draining') : `${count(waiting.length, 'instance')} waiting`,
    ...(joining.length > 0 ? [`${joining.length} joining`] : []),
    ...(stuck > 0 ? [ink.bad(`${stuck} stuck`)] : []),
    ...(unserved > 0 ? [ink.bad(`${unserved} not known`)] : []),
    ...(kept.length > 0 ? [ink.bad(`${kept.length} retained`)] : []),
    ...(missing.length > 0 ? [ink.bad(`${missing.length} not in Nomad`)] : []),
  ];
  return [
    `${ink.heading(group)}  ${counts.join(', ')}`,
    ...(waiting.length > 0 ? [drainsText(waiting, report, page)] : []),
    ...(joining.length > 0 ? [drainsText(joining, report, page)] : []),
    ...kept.map((each) => retainedText(each, page)),
    ...missing.map((each) => missingText(each, report, page)),
  ].join('\n');
}

/** An instance that Auto Scaling keeps though its wait is over. */
export const retainedText = ({ instanceId, state }: { instanceId: string; state: string }, page: Page): string =>
  page.ink.bad(wrap(`${instanceId}  ${state}: runs until you terminate it`, page.columns, '  '));

/** An instance in service that Nomad does not know. */
function missingText({ instanceId, launchedAt }: NonNullable<Report['missing']>[number], report: Report, page: Page) {
  const up = between(Date.parse(launchedAt), moment(report.at) ?? Date.now());
  return page.ink.bad(wrap(`${instanceId}  in service, up for ${up}, and not a Nomad node`, page.columns, '  '));
}

/** Instances that wait, the oldest first: a line of a table for each, and under it why it waits. */
export function drainsText(waiting: readonly InstanceReport[], report: Report, page: Page): string {
  const now = moment(report.at) ?? Date.now();
  const since = (instance: InstanceReport) => moment(instance.waitingSince) ?? now;
  const oldest = waiting.toSorted((one, other) => since(one) - since(other));
  const named = shortNames([...report.instances, ...(report.joining ?? [])].flatMap(({ nodeName }) => nodeName ?? []));
  const rows = oldest.map((instance) => drainRow(instance, named.get(instance.nodeName ?? ''), now, page));
  // Names tell instances apart: before they are cut, the bar goes.
  const isTooWide = table(rows, { indent: '  ' })
    .split('\n')
    .some((line) => stringWidth(line) > page.columns);
  const shown = isTooWide ? rows.map((row) => row.toSpliced(BAR, 1)) : rows;
  const lines = table(shown, { columns: page.columns, indent: '  ', flexible: 1 }).split('\n');
  return oldest.flatMap((instance, index) => [lines[index] ?? '', whyText(instance, page)]).join('\n');
}

/** Which column of a row is the bar. */
const BAR = 3;

function drainRow(instance: InstanceReport, name: string | undefined, now: number, { ink }: Page): Cell[] {
  const { instanceId, waitingSince, deadlineAt } = instance;
  const [since, until] = [moment(waitingSince), moment(deadlineAt)];
  const used = since === undefined || until === undefined ? undefined : (now - since) / (until - since);
  return [
    { text: instanceId, ink: isInTrouble(instance) ? ink.bad : ink.heading },
    { text: name ?? '-' },
    { text: since === undefined ? '' : `waits ${between(since, now)}` },
    used === undefined ? { text: '' } : bar(used, ink),
    { text: until === undefined ? '' : until <= now ? 'deadline over' : `${between(now, until)} left` },
  ];
}

/** How many allocations are named by their ids. */
const MOST_IDS = 5;

function whyText({ because, stuck, remaining, deadlineAt }: InstanceReport, { columns, ink }: Page): string {
  const lines = wrap(because, columns, '    ');
  const ids = remaining.slice(0, MOST_IDS).map(({ id, namespace }) => `${id.slice(0, 8)} (${namespace})`);
  const more = remaining.length > MOST_IDS ? ` and ${remaining.length - MOST_IDS} more` : '';
  const facts = [
    ...(deadlineAt === undefined ? [] : [`deadline ${clockTime(deadlineAt)}`]),
    ...(ids.length === 0 ? [] : [`allocations ${ids.join(', ')}${more}`]),
  ];
  const which = facts.length === 0 ? [] : [ink.quiet(wrap(facts.join('; '), columns, '    '))];
  return [stuck === undefined ? lines : ink.bad(lines), ...which].join('\n');
}
