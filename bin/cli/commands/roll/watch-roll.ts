import type { Context } from '../../context.ts';
import { EXIT, type ExitCode } from '../../exit-code.ts';
import { printable } from '../../terminal/printable.ts';
import { moment } from '../../terminal/words.ts';
import { watch } from '../../watch.ts';
import { howTheyEnded, isFineEnd } from '../../watch-release.ts';
import { endText, progressText } from './progress-text.ts';
import { type Before, isDone, isOver, lookAt, releasedOf, type Seen } from './seen.ts';

interface WatchOptions {
  interval: number;
  /** Show it once. */
  wait: boolean;
  /** What --json prints in the end: the watch itself is then on stderr. */
  answer: object;
}

/** Watches a roll until it has ended. Ctrl-C ends the watch, not the roll. */
export async function watchRoll(
  context: Context,
  name: string,
  before: Before,
  { interval, wait, answer }: WatchOptions,
): Promise<ExitCode> {
  const { screen, json } = context;
  let seen: Seen | undefined;
  let began: number | undefined;
  const names: Record<string, string> = {};
  const live = screen.live(json ? 'stderr' : 'stdout');
  const ended = await watch(live, interval, async (signal) => {
    seen = printable(await lookAt(context, name, { ...before, names }, signal));
    began ??= moment(seen.refresh.startedAt ?? seen.report.at);
    return { text: progressText(seen, screen.page), done: !wait || isOver(seen) };
  });
  if (ended === 'interrupted' || !seen) {
    if (json) context.show({ ...answer, ended, refresh: seen?.refresh }, () => '');
    screen.tell(
      `The roll goes on without you. To see it again, or to cancel it:\n  nomad-drain-hook roll ${name} --status\n  nomad-drain-hook roll ${name} --cancel`,
    );
    return EXIT.interrupted;
  }
  const { refresh } = seen;
  if (refresh.endedAt === undefined) {
    if (json) context.show({ ...answer, refresh }, () => '');
    return EXIT.ok;
  }
  const now = moment(seen.report.at) ?? Date.now();
  const outcomes = await howTheyEnded(context, releasedOf(seen), { began: began ?? now, now });
  if (json) context.show({ ...answer, ended, refresh, ...outcomes }, () => '');
  else screen.print(endText(seen, outcomes, screen.page));
  if (refresh.status === 'Cancelled') return EXIT.failed;
  return isDone(refresh) && isFineEnd(outcomes) ? EXIT.ok : EXIT.personNeeded;
}
