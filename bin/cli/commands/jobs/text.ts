import type { JobReport, JobsAnswer } from '../../../../lambda/core/queries/jobs.ts';
import { type Cell, cut, table, wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';
import { between, count, moment, shortNames } from '../../terminal/words.ts';
import { warningsText } from '../../warnings.ts';

/** The answer of the function, and what of it is wanted. */
export type Jobs = JobsAnswer & {
  at: string;
  warnings: string[];
  /** All jobs that have ended, not the last ones alone. */
  allEnded?: boolean;
};

/** A node's name takes a quarter of the line at most, and this in columns at least. */
const LEAST_NODE = 10;
/** How many ended jobs are listed unless all are requested. */
const ENDED = 10;

/** What has not ended by itself. */
const ENDED_BY = { drain: 'killed', stop: 'stopped' } as const;

/** Each namespace: how many jobs run, wait and have ended; and under it the jobs. */
export function jobsText(answer: Jobs, page: Page): string {
  const { namespaces, jobs, jobsLeftOut, earlierLeftOut, allEnded = false, warnings } = answer;
  const ended = jobs.filter(({ status }) => status === 'dead');
  const listed = new Set(allEnded ? jobs : jobs.filter((job) => job.status !== 'dead' || ended.indexOf(job) < ENDED));
  const hidden = jobs.length - listed.size;
  const notes = [
    ...(hidden > 0 ? [`${count(hidden, 'job')} that ended earlier not listed: --status dead lists them`] : []),
    ...(jobsLeftOut > 0 ? [`${count(jobsLeftOut, 'job')} not listed: the answer would be too large`] : []),
    ...(earlierLeftOut ? ['Nomad knows more that has ended; only the last 1,000 allocations were read'] : []),
  ];
  const blocks = namespaces.map((namespace) =>
    namespaceText(
      namespace,
      jobs.filter((job) => job.namespace === namespace.namespace && listed.has(job)),
      answer,
      page,
    ),
  );
  return [
    ...(blocks.length > 0 ? blocks : [page.ink.quiet('no job runs, waits or has ended lately')]),
    ...(notes.length > 0 ? [notes.map((note) => page.ink.quiet(wrap(note, page.columns))).join('\n')] : []),
    ...warningsText(warnings, page),
  ].join('\n\n');
}

function namespaceText(
  { namespace, running, pending, dead }: JobsAnswer['namespaces'][number],
  jobs: readonly JobReport[],
  { at, jobs: all }: Jobs,
  page: Page,
): string {
  const head = `${page.ink.heading(namespace)}  ${running} running, ${pending} pending, ${dead} dead`;
  if (jobs.length === 0) return head;
  const names = shortNames(all.flatMap(({ allocations }) => allocations.map(({ node }) => node)));
  const rows = jobs.map((job) => jobRow(job, names, moment(at) ?? Date.now(), page));
  const lines = table(rows, { columns: page.columns, indent: '  ', flexible: 1 }).split('\n');
  return [head, ...jobs.flatMap((job, index) => [lines[index] ?? '', ...waitsText(job, page)])].join('\n');
}

function jobRow(
  { job, type, status, since, allocations, allocationCount }: JobReport,
  names: ReadonlyMap<string, string>,
  now: number,
  { columns, ink }: Page,
): Cell[] {
  const [first] = allocations;
  const end = first?.endedBy ? ENDED_BY[first.endedBy] : first?.status;
  const failed = status === 'dead' && end !== 'complete';
  const age = between(moment(since) ?? now, now);
  const others = allocationCount > 1 ? ` +${allocationCount - 1}` : '';
  return [
    {
      text: status === 'dead' ? (end ?? 'dead') : status,
      ink: failed ? ink.bad : status === 'pending' ? ink.warn : ink.good,
    },
    { text: job, ink: ink.heading },
    { text: type },
    { text: status === 'dead' ? `${age} ago` : `for ${age}` },
    {
      text: first
        ? cut(names.get(first.node) ?? first.node, Math.max(LEAST_NODE, Math.floor(columns / 4))) + others
        : '',
    },
    first ? { text: first.id.slice(0, 8), ink: ink.quiet } : { text: '' },
  ];
}

const waitsText = ({ waits }: JobReport, { columns, ink }: Page): string[] =>
  waits.map(({ taskGroup, count: waiting, because }) => {
    const what = taskGroup === undefined ? '' : `${waiting ?? 1} of task group ${taskGroup} waiting: `;
    return ink.warn(wrap(`${what}${because}`, columns, '    '));
  });
