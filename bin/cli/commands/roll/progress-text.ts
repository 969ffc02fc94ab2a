import type { GroupInstance } from '../../aws/auto-scaling.ts';
import { type Cell, table, wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';
import { count, shortNames } from '../../terminal/words.ts';
import { type Outcomes, outcomesText } from '../../watch-release.ts';
import { drainsText } from '../status/text.ts';
import { isDone, type Seen } from './seen.ts';

/** How many lines of old and new instances are shown. */
const MOST_LINES = 12;

/** How far a roll is: old and new instances beside each other, and what those wait for that drain or join. */
export function progressText(seen: Seen, page: Page): string {
  const { group, report } = seen;
  const draining = report.instances.filter((each) => each.group === group.name);
  const joining = (report.joining ?? []).filter((each) => each.group === group.name);
  return [
    headText(seen, page),
    sidesText(seen, page),
    ...(draining.length > 0 ? [drainsText(draining, report, page)] : []),
    ...(joining.length > 0 ? [drainsText(joining, report, page)] : []),
  ].join('\n');
}

function headText({ group, refresh }: Seen, { columns, ink }: Page): string {
  const { name, suspended } = group;
  const { status, percent, left, because, endedAt } = refresh;
  const color = endedAt === undefined ? (text: string) => text : isDone(refresh) ? ink.good : ink.bad;
  const counts = isDone(refresh) ? '' : `, ${count(left, 'instance')} to update`;
  const isPaused = endedAt === undefined && suspended.includes('InstanceRefresh');
  return [
    `${ink.heading(name)}  ${color(status)}  ${percent} %${counts}`,
    ...(because === undefined ? [] : [wrap(because, columns, '  ')]),
    ...(isPaused ? [ink.warn(wrap(`paused; to go on: nomad-drain-hook roll ${name} --resume`, columns, '  '))] : []),
  ].join('\n');
}

/** The old instances on the left, the new ones on the right: the ones that change first. */
function sidesText(seen: Seen, page: Page): string {
  const { group, old, others } = seen;
  const members = new Map(group.instances.map((each) => [each.instanceId, each]));
  const known = new Set([...old, ...others]);
  const fresh = group.instances.filter(({ instanceId }) => !known.has(instanceId));
  const left = old.map((id) => ({
    id,
    cells: cellsOf(id, members.get(id), seen, page),
    rank: rankOf(members.get(id)),
  }));
  const moving = left.toSorted((one, other) => one.rank - other.rank);
  const right = fresh.map((each) => cellsOf(each.instanceId, each, seen, page));
  const lines = Math.max(moving.length, right.length);
  const none: Cell[] = [{ text: '' }, { text: '' }];
  const rows = Array.from({ length: Math.min(lines, MOST_LINES) }, (_, index) => [
    ...(moving[index]?.cells ?? none),
    ...(right[index] ?? none),
  ]);
  const head: Cell[] = ['old', '', 'new', ''].map((text) => ({ text, ink: page.ink.quiet }));
  const more = lines > MOST_LINES ? [page.ink.quiet(`  and ${lines - MOST_LINES} more`)] : [];
  return [table([head, ...rows], { columns: page.columns, indent: '  ' }), ...more].join('\n');
}

const rankOf = (member: GroupInstance | undefined): number => {
  if (member?.state.startsWith('Terminating')) return 0;
  return member ? 1 : 2;
};

/** An instance by the name of its node, and what it does. */
function cellsOf(id: string, member: GroupInstance | undefined, seen: Seen, { ink }: Page): Cell[] {
  const node = seen.nodes.find(({ instanceId }) => instanceId === id);
  const drain = seen.report.instances.find(({ instanceId }) => instanceId === id);
  const name = seen.names[id] ?? drain?.nodeName;
  const short = shortNames(Object.values(seen.names));
  return [
    { text: name === undefined ? id : (short.get(name) ?? name), ink: ink.heading },
    stateCell(member, node?.allocations, drain?.remaining.length, ink),
  ];
}

function stateCell(
  member: GroupInstance | undefined,
  allocations: number | undefined,
  remaining: number | undefined,
  ink: Page['ink'],
): Cell {
  if (!member) return { text: 'terminated', ink: ink.quiet };
  const { state, isProtected } = member;
  if (state.startsWith('Terminating')) {
    return { text: remaining === undefined ? state : `drains, ${count(remaining, 'allocation')} left`, ink: ink.warn };
  }
  if (state.startsWith('Pending')) return { text: allocations === undefined ? 'launched, not in Nomad' : 'joins' };
  if (state !== 'InService') return { text: state };
  if (allocations === undefined) return { text: 'in service, not in Nomad', ink: ink.bad };
  return { text: `${count(allocations, 'allocation')}${isProtected ? ', protected' : ''}` };
}

/** How each old instance has ended, and what to do if the roll has not replaced all. */
export function endText(seen: Seen, outcomes: Outcomes, page: Page): string {
  const { group, refresh, old } = seen;
  const { releases, unknown } = outcomes;
  const gone = releases.length + unknown.length;
  const draining = group.instances.filter(({ state }) => state.startsWith('Terminating')).length;
  return [
    ...(gone > 0 ? [outcomesText(outcomes, page)] : []),
    `${gone} of ${count(old.length, 'old instance')} released`,
    ...(draining > 0 ? [wrap('Others drain still. Watch them with: nomad-drain-hook status -w', page.columns)] : []),
    ...(isDone(refresh) ? [] : [page.ink.bad(wrap(whatNow(refresh.status, group.name), page.columns))]),
  ].join('\n');
}

const whatNow = (status: string, group: string): string =>
  status === 'Cancelled'
    ? `The roll is cancelled. What is replaced stays so. The rest: nomad-drain-hook roll ${group}`
    : `The roll has failed: nothing more is replaced, and nothing was killed by that. See what the reason says, then go on with: nomad-drain-hook roll ${group}`;
