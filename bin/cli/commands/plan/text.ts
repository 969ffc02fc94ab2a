import { named, say } from '../../../../lambda/core/explain.ts';
import type { BuildTimes, JobTimes } from '../../../../lambda/core/queries/plan/build-times.ts';
import type { DeadlinePlan } from '../../../../lambda/core/queries/plan/deadlines.ts';
import type { InstancePlan, Verdict } from '../../../../lambda/core/queries/plan/instance.ts';
import type { PlanAnswer } from '../../../../lambda/core/queries/plan/plan.ts';
import { grouped } from '../../grouped.ts';
import { type Cell, table, wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';
import { count } from '../../terminal/words.ts';
import { instancesText, withShortNames } from './instances-text.ts';
import { timelineOf } from './timeline.ts';
import { timelineText } from './timeline-text.ts';

/** Each group with its instances, then how long builds take, what other deadlines would mean, and what is not known. */
export function planText(answer: PlanAnswer & { warnings?: readonly string[] }, page: Page): string {
  const { instances, instancesLeftOut, builds, deadlines, notKnown, warnings = [] } = answer;
  const groups = grouped(withShortNames(instances), ({ group }) => group);
  return [
    ...(groups.size === 0 ? [page.ink.quiet('no instance is in service')] : []),
    ...[...groups].map(([group, plans]) => groupText(group, plans, page)),
    ...(instancesLeftOut > 0 ? [`${count(instancesLeftOut, 'instance')} more did not fit the answer.`] : []),
    buildsText(builds, page),
    deadlinesText(deadlines, builds, page),
    ...[...notKnown.map((what) => `not known: ${what}`), ...warnings.map((what) => `warning: ${what}`)].map((line) =>
      page.ink.warn(wrap(line, page.columns)),
    ),
  ].join('\n\n');
}

/** What one instance does, and what several do. */
const VERDICT: Record<Verdict, readonly [one: string, several: string]> = {
  'at-once': ['goes at once', 'go at once'],
  moves: ['goes when its services have moved', 'go when their services have moved'],
  ends: ['goes when its builds have ended', 'go when their builds have ended'],
  unknown: ['goes at an unknown time', 'go at an unknown time'],
  'may-be-killed': ['has a build that the deadline may kill', 'have builds that the deadline may kill'],
  stops: ['stops a service that has nowhere to go', 'stop services that have nowhere to go'],
  nowhere: ['has a service with nowhere to go', 'have services with nowhere to go'],
  killed: ['has a build that the deadline would kill', 'have builds that the deadline would kill'],
};

function groupText(group: string, plans: readonly InstancePlan[], page: Page): string {
  const timeline = timelineOf(plans);
  const waited = plans.filter(({ verdict }) => verdict !== 'at-once');
  const verdicts = [...grouped(plans, ({ verdict }) => verdict)].map(
    ([verdict, of]) => `${of.length} ${VERDICT[verdict][of.length === 1 ? 0 : 1]}`,
  );
  const names = timeline.atOnce.join(', ');
  return [
    wrap(`${page.ink.heading(group)}  ${count(plans.length, 'instance')}: ${verdicts.join(', ')}`, page.columns),
    ...(names !== '' ? [wrap(`${page.ink.good('at once')}  ${names}`, page.columns, '  ')] : []),
    ...(waited.length > 0 ? ['', timelineText(timeline, page), '', instancesText(waited, page)] : []),
  ].join('\n');
}

const sayOr = (seconds: number | undefined) => (seconds === undefined ? '-' : say(seconds));

function buildsText(builds: BuildTimes, page: Page): string {
  const { ended, cutShort, sinceSeconds, onlyLast, jobs } = builds;
  const heading = page.ink.heading('how long builds take here');
  if (ended === 0) return `${heading}  ${page.ink.quiet('Nomad knows of no build that has ended')}`;
  const ofJobs = jobs.filter((times) => times.ended > 0);
  const known = `${onlyLast ? 'the last ' : ''}${count(ended, 'build')} that ended by ${ended === 1 ? 'itself' : 'themselves'}`;
  const others = cutShort > 0 ? `, and ${cutShort} that were killed or still run` : '';
  const since = sinceSeconds === undefined ? '' : `, begun in the last ${say(sinceSeconds)}`;
  const row = (name: string, times: Omit<JobTimes, 'job' | 'namespace'>): string[] => [
    name,
    String(times.ended),
    sayOr(times.medianSeconds),
    sayOr(times.mostSeconds),
    sayOr(times.longestSeconds),
  ];
  const rows: (string | Cell)[][] = [
    ['', 'builds', 'p50', 'p95', 'longest'].map((text) => ({ text, ink: page.ink.quiet })),
    row(ofJobs.length > 1 ? 'all jobs' : (ofJobs.map(nameOf)[0] ?? 'all jobs'), builds),
    ...(ofJobs.length > 1 ? ofJobs : []).map((times) => row(nameOf(times), times)),
  ];
  return [
    wrap(`${heading}  ${known}${others}${since}`, page.columns),
    table(rows, { columns: page.columns, indent: '  ', flexible: 0, right: [1, 2, 3, 4] }),
  ].join('\n');
}

const nameOf = ({ job, namespace }: JobTimes) => (namespace === 'default' ? job : `${job} (${namespace})`);

const EXPLAINED =
  'spares: of the builds above, those that took no longer. kills: of the builds that are under way when a drain begins. ' +
  'kills now: of those that run now, if all drains began now, as far as is known.';

function deadlinesText(deadlines: readonly DeadlinePlan[], { ended }: BuildTimes, page: Page): string {
  const { ink } = page;
  const rows = deadlines.map(({ deadlineSeconds, is, groups, spared, killShare, killsNow, unknownNow }): Cell[] => [
    { text: `${say(deadlineSeconds)}${sayWhose(is, groups)}` },
    { text: ended === 0 ? '-' : `${spared} of ${ended}` },
    { text: ended === 0 ? '-' : `${Math.round(killShare * 100)} %` },
    {
      text: `${roughly(killsNow)}${unknownNow > 0 ? `, ${unknownNow} unknown` : ''}`,
      ...(killsNow >= 0.5 && { ink: ink.bad }),
    },
  ]);
  const head = ['deadline', 'spares', 'kills', 'kills now'].map((text): Cell => ({ text, ink: ink.quiet }));
  return [
    ink.heading('what a deadline would mean'),
    table([head, ...rows], { columns: page.columns, indent: '  ', right: [1, 2, 3] }),
    ink.quiet(wrap(EXPLAINED, page.columns, '  ')),
  ].join('\n');
}

const sayWhose = (is: DeadlinePlan['is'], groups: readonly string[] = []): string => {
  if (is === undefined) return '';
  return is === 'asked' ? ' (requested)' : ` (${groups.length > 0 ? named(groups) : 'configured'})`;
};

/** An expected number of builds: a tenth matters while it is small. */
function roughly(builds: number): string {
  if (builds > 0 && builds < 0.05) return 'hardly any';
  return builds === 0 || builds >= 10 ? String(Math.round(builds)) : builds.toFixed(1);
}
