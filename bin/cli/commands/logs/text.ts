import type { AllocationLogs, LogsAnswer, TaskLog } from '../../../../lambda/core/queries/logs.ts';
import { wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';
import { count } from '../../terminal/words.ts';

/** What the function answers, and when. */
export type Logs = LogsAnswer & { at: string };

export const isUnread = (log: TaskLog): log is TaskLog & { because: string } => 'because' in log;

/** One log is its text alone, so that it can be piped on; several have a line before each that says whose it is. */
export function logsText({ logs, leftOut }: LogsAnswer, page: Page): string {
  const all = logs.flatMap((allocation) => allocation.tasks.map((log) => ({ allocation, log })));
  const [only, ...others] = all;
  if (only && others.length === 0 && leftOut === 0) return logText(only.log, page);
  return [
    ...all.map(
      ({ allocation, log }) => `${page.ink.heading(`==> ${nameOf(allocation, log)} <==`)}\n${logText(log, page)}`,
    ),
    ...(leftOut > 0 ? [page.ink.warn(`${count(leftOut, 'allocation')} more: name one by its id`)] : []),
  ].join('\n\n');
}

/** "build-42 (task t of adc7d016, running)". */
export const nameOf = ({ id, job }: AllocationLogs, { task, state }: TaskLog): string =>
  `${job} (task ${task} of ${id.slice(0, 8)}, ${state})`;

function logText(log: TaskLog, { columns, ink }: Page): string {
  if (isUnread(log)) return ink.warn(wrap(`no log: ${log.because}`, columns));
  // The last line break is the printer's.
  return log.text === '' ? ink.quiet('(nothing)') : log.text.replace(/\n$/, '');
}
