import type { InstanceReport } from '../../../../lambda/core/drain/report.ts';
import { say } from '../../../../lambda/core/explain.ts';
import { LOG } from '../../../../lambda/core/model/log-messages.ts';
import { table, wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';
import { retainedText } from '../status/text.ts';

/** Something that has happened, or will at the latest. */
export interface Moment {
  /** ISO 8601. */
  at: string;
  what: string;
  because?: string;
}

/** One instance. */
export interface Description extends InstanceReport {
  at: string;
  /** Auto Scaling holds it for the hook, or AWS has given notice of it. Otherwise the report is of a dry run. */
  waits: boolean;
  /** The lifecycle state in which Auto Scaling retains it, its wait being over. */
  retained?: string;
  /** What the function has logged of it, the oldest first. */
  past: Moment[];
  /** Why that is not known. */
  pastUnknown?: string;
}

/** Who it is; its timeline; what holds it; and commands, as they can be pasted. */
export function describeText(instance: Description, page: Page): string {
  const { at, waits, past, pastUnknown } = instance;
  const { instanceId, nodeName, nodeId, group, hook, because, would, retained } = instance;
  const { ink, columns } = page;
  const state = waits ? `waits in group ${group} for hook ${hook}` : `in group ${group}`;
  const kept = retained === undefined ? [] : [retainedText({ instanceId, state: retained }, page)];
  return [
    wrap(
      `${ink.heading(instanceId)}  ${nodeName ?? ink.warn('no Nomad node')}  ${state}${nodeId ? `\nnode ${nodeId}` : ''}`,
      columns,
    ),
    ...kept,
    wrap(because + (!waits && would ? `; the hook would ${would}` : ''), columns),
    timelineText(waits ? momentsOf(instance, past) : past, at, page),
    ...(pastUnknown === undefined ? [] : [ink.warn(wrap(`what has happened is not known: ${pastUnknown}`, columns))]),
    ...(retained === undefined ? [holdsText(instance, page)] : []),
    ['Commands:', ...commandsFor(instance, waits)].join('\n  '),
  ].join('\n\n');
}

function momentsOf(instance: InstanceReport, past: readonly Moment[]): Moment[] {
  const { waitingSince, deadlineAt, forceAt, giveUpAt, capAt, unserved } = instance;
  const moment = (time: string | undefined, what: string) => (time === undefined ? [] : [{ at: time, what }]);
  const since = past.filter((each) => waitingSince === undefined || each.at >= waitingSince);
  const isForced = since.some(({ what }) => what === LOG.drainForced);
  // While its node cannot be observed nothing ends the wait but the cap.
  const limits = unserved
    ? []
    : [
        ...moment(deadlineAt, 'deadline: Nomad kills what still runs'),
        ...(isForced ? [] : moment(forceAt, 'drain is forced, if something still runs')),
        ...moment(giveUpAt, 'released, whatever still runs'),
      ];
  const cap = unserved
    ? 'Auto Scaling holds no instance longer; until shortly before, it is held'
    : 'Auto Scaling holds no instance longer';
  return [...moment(waitingSince, 'wait began'), ...since, ...limits, ...moment(capAt, cap)].toSorted(
    (one, other) => Date.parse(one.at) - Date.parse(other.at),
  );
}

function timelineText(moments: readonly Moment[], now: string, { ink, columns }: Page): string {
  if (moments.length === 0) return ink.quiet('nothing has happened to it');
  const rows = moments.map(({ at, what }) => {
    const seconds = (Date.parse(at) - Date.parse(now)) / 1000;
    const when = seconds > 0 ? `in ${say(seconds)}` : `${say(-seconds)} ago`;
    const color = seconds > 0 ? ink.quiet : (text: string) => text;
    return [
      { text: `${at.slice(0, 19).replace('T', ' ')}Z`, ink: color },
      { text: when, ink: color },
      { text: what, ink: color },
    ];
  });
  return table(rows, { columns, flexible: 2 });
}

function holdsText({ remaining, unserved }: InstanceReport, { ink, columns }: Page): string {
  if (unserved) return ink.bad('What holds it is not known.');
  if (remaining.length === 0) return 'Nothing holds it.';
  const lines = remaining.map(({ id, job, namespace, taskGroup, type, status, runningSeconds, blocked }) =>
    wrap(
      `${job} (${type}, task group ${taskGroup}, namespace ${namespace}) ${status} for ${say(runningSeconds)}${blocked ? `: nowhere to go, ${blocked}` : ''}\n${id}`,
      columns,
      '  ',
    ),
  );
  return ['What holds it:', ...lines].join('\n');
}

/** How many allocations have commands of their own. */
const MOST_ALLOCATIONS = 3;

function commandsFor({ instanceId, nodeId, remaining }: InstanceReport, waits: boolean): string[] {
  return [
    ...(nodeId ? [`nomad node status ${nodeId}`] : []),
    ...remaining
      .slice(0, MOST_ALLOCATIONS)
      .flatMap(({ id, namespace }) => [
        `nomad-drain-hook logs ${id}`,
        `nomad alloc stop -namespace ${namespace} ${id}`,
      ]),
    ...(waits && nodeId ? [`nomad-drain-hook extend ${instanceId} 4h`] : []),
    waits ? `nomad-drain-hook release ${instanceId}` : `nomad-drain-hook drain ${instanceId} --wait`,
  ];
}
