import { say } from '../../../../lambda/core/explain.ts';
import type { TaskLog } from '../../../../lambda/core/queries/logs.ts';
import type { Context } from '../../context.ts';
import { Problem } from '../../problem.ts';
import { printable } from '../../terminal/printable.ts';
import { count } from '../../terminal/words.ts';
import { isUnread, type Logs, nameOf } from './text.ts';

/**
 * Without builds that ended longer ago.
 * @param seconds undefined keeps all
 * @throws Problem if none is left
 */
export function recentOnly(answer: Logs, seconds: number | undefined): Logs {
  if (seconds === undefined) return answer;
  const since = Date.parse(answer.at) - seconds * 1000;
  const recent = answer.logs.filter(({ endedAt }) => endedAt === undefined || Date.parse(endedAt) >= since);
  if (recent.length > 0) return { ...answer, logs: recent };
  const ended = answer.logs.map(({ job, id, endedAt }) => `${job} (${id.slice(0, 8)}) ended at ${endedAt}`);
  throw new Problem(
    `nothing ran in the last ${say(seconds)}: ${ended.join(', ')}`,
    'Use a longer --since, or omit it. Log lines have no timestamps: for the last ones, use --lines.',
  );
}

/** With the last lines of each log alone. A log of which fewer could be read is named on stderr. */
export function lastLines({ screen }: Context, answer: Logs, lines: number): Logs {
  const logs = answer.logs.map((allocation) => ({
    ...allocation,
    tasks: allocation.tasks.map((log): TaskLog => {
      if (isUnread(log)) return log;
      const all = log.text.split(/(?<=\n)/);
      if (all.length > lines) return { ...log, text: all.slice(-lines).join(''), cut: true };
      if (log.cut && all.length < lines) {
        const name = printable(nameOf(allocation, log));
        screen.tell(screen.margin.ink.quiet(`only the last ${count(all.length, 'line')} of ${name} could be read`));
      }
      return log;
    }),
  }));
  return { ...answer, logs };
}
