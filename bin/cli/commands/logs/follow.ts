import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../../../lambda/core/basics.ts';
import type { AllocationLogs, LogsAnswer, TaskLog } from '../../../../lambda/core/queries/logs.ts';
import type { Context } from '../../context.ts';
import { EXIT, type ExitCode } from '../../exit-code.ts';
import { Problem } from '../../problem.ts';
import { printable } from '../../terminal/printable.ts';
import { nameOf } from './text.ts';

/** The log of one task. */
export interface OneLog {
  allocation: AllocationLogs;
  log: TaskLog;
}

export const isUnread = (log: TaskLog): log is TaskLog & { because: string } => 'because' in log;

/** Prints what is written from now on, and what was written last before; until the task has ended, or Ctrl-C. */
export async function followOne(
  context: Context,
  { allocation, log }: OneLog,
  asked: object,
  intervalSeconds: number,
): Promise<ExitCode> {
  const { screen } = context;
  const interruption = new AbortController();
  const { signal } = interruption;
  const interrupt = () => interruption.abort();
  process.once('SIGINT', interrupt);
  screen.tell(screen.margin.ink.quiet(`following ${printable(nameOf(allocation, log))}, until it ends or Ctrl-C`));
  try {
    let last = log;
    write(context, last);
    while (!isUnread(last) && last.state !== 'dead') {
      await sleep(intervalSeconds * 1000, undefined, { signal });
      const offset = 'offset' in last ? { offset: last.offset } : {};
      const event = { command: 'logs', ...asked, job: undefined, allocation: allocation.id, task: log.task, ...offset };
      try {
        const { logs } = await context.account.function.ask<LogsAnswer>(event, signal);
        last = logs[0]?.tasks[0] ?? last;
        if (isUnread(last)) break;
        write(context, last);
      } catch (error) {
        if (signal.aborted) throw error;
        screen.tell(screen.margin.ink.warn(`could not look again: ${printable(messageOf(error))}`));
      }
    }
    if (isUnread(last))
      throw new Problem(
        `the log cannot be read any more: ${last.because}`,
        'nomad-drain-hook jobs says what became of it.',
      );
    return EXIT.ok;
  } catch (error) {
    if (!signal.aborted) throw error;
    return EXIT.interrupted;
  } finally {
    process.removeListener('SIGINT', interrupt);
  }
}

/** With --json a line for each look, unchanged; else the text alone, so that it can be piped on. */
function write({ options, screen }: Context, log: TaskLog): void {
  if (options.json) {
    screen.print(JSON.stringify(log));
  } else if (!isUnread(log)) {
    if (log.cut) screen.tell(screen.margin.ink.quiet('(earlier output is not shown)'));
    screen.streams.stdout.write(printable(log.text));
  }
}
