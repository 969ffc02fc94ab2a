import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../../../lambda/core/basics.ts';
import type { AllocationLogs, TaskLog } from '../../../../lambda/core/queries/logs.ts';
import type { Context } from '../../context.ts';
import { EXIT, type ExitCode } from '../../exit-code.ts';
import { Problem } from '../../problem.ts';
import { printable } from '../../terminal/printable.ts';
import { isUnread, type Logs, nameOf } from './text.ts';

/** The log of one task. */
export interface OneLog {
  allocation: AllocationLogs;
  log: TaskLog;
}

/** Prints what is written from now on, and what was written last before; until the task has ended, or Ctrl-C. */
export async function followOne(
  context: Context,
  answer: Logs,
  { allocation, log }: OneLog,
  { asked, interval }: { asked: object; interval: number },
): Promise<ExitCode> {
  const { screen } = context;
  const interruption = new AbortController();
  const { signal } = interruption;
  const interrupt = () => interruption.abort();
  process.once('SIGINT', interrupt);
  screen.tell(screen.margin.ink.quiet(`following ${printable(nameOf(allocation, log))}, until it ends or Ctrl-C`));
  try {
    let last = log;
    write(context, answer, last);
    while (!isUnread(last) && last.state !== 'dead') {
      await sleep(interval * 1000, undefined, { signal });
      const offset = 'offset' in last ? { offset: last.offset } : {};
      const event = { command: 'logs', ...asked, job: undefined, allocation: allocation.id, task: log.task, ...offset };
      try {
        const next = await context.account.function.ask<Logs>(event, signal);
        last = next.logs[0]?.tasks[0] ?? last;
        if (isUnread(last)) break;
        write(context, next, last);
      } catch (error) {
        if (signal.aborted) throw error;
        screen.tell(screen.margin.ink.warn(`could not refresh: ${printable(messageOf(error))}`));
      }
    }
    if (isUnread(last))
      throw new Problem(
        `the log cannot be read any more: ${last.because}`,
        'See what became of it with: nomad-drain-hook jobs',
      );
    return EXIT.ok;
  } catch (error) {
    if (!signal.aborted) throw error;
    return EXIT.interrupted;
  } finally {
    process.removeListener('SIGINT', interrupt);
  }
}

/** As JSON a line for each answer; else the text alone, so that it can be piped on. */
function write(context: Context, answer: Logs, log: TaskLog): void {
  const { screen } = context;
  if (context.json) {
    context.passLine(answer);
  } else if (!isUnread(log)) {
    if (log.cut) screen.tell(screen.margin.ink.quiet('(earlier output is not shown)'));
    screen.streams.stdout.write(printable(log.text));
  }
}
