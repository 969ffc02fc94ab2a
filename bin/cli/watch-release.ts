import type { Report } from '../../lambda/core/drain/report.ts';
import type { GroupInstance } from './aws/auto-scaling.ts';
import { drainsText, retainedText } from './commands/status/text.ts';
import type { Context } from './context.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import type { Page } from './terminal/page.ts';
import { printable } from './terminal/printable.ts';
import { count } from './terminal/words.ts';
import { watch } from './watch.ts';

/** What a look at instances that go has found. */
interface Going {
  report: Report;
  /** Those that have been chosen and are in their group still, as Auto Scaling has them. */
  members: readonly GroupInstance[];
  /** How many have left their group. */
  left: number;
}

const RETAINED = /:Retained$/;
/** Auto Scaling waits for no hook of these any more. */
const RELEASED = /^(Terminating:Proceed|Terminated|Detach)/;

/**
 * Watches instances until the last of them is released. Ctrl-C ends the watch, not the drains.
 * @param total how many go
 * @param answer what --json prints in the end: the watch itself is then on stderr
 */
export async function watchRelease(
  context: Context,
  { interval, total, answer }: { interval: number; total: number; answer: object },
  look: (signal: AbortSignal) => Promise<Going>,
): Promise<ExitCode> {
  let retained = 0;
  const { screen, options } = context;
  const live = screen.live(options.json ? 'stderr' : 'stdout');
  const ended = await watch(live, interval, async (signal) => {
    const going = printable(await look(signal));
    const counts = countOf(going);
    retained = counts.retained;
    return { text: goingText(going, total, screen.page), done: counts.released + retained >= total };
  });
  if (options.json) context.show({ ...answer, ended, retained }, () => '');
  if (ended === 'done') return retained > 0 ? EXIT.personNeeded : EXIT.ok;
  screen.tell('The drain goes on without you. See it again with: nomad-drain-hook status -w');
  return EXIT.interrupted;
}

const countOf = ({ members, left }: Going) => ({
  released: left + members.filter(({ state }) => RELEASED.test(state)).length,
  retained: members.filter(({ state }) => RETAINED.test(state)).length,
});

/** How many are released; of the others, what each waits for. */
function goingText(going: Going, total: number, page: Page): string {
  const { report, members } = going;
  const { released, retained } = countOf(going);
  const reported = new Map(report.instances.map((instance) => [instance.instanceId, instance]));
  const waiting = members.filter(({ state }) => !RELEASED.test(state) && !RETAINED.test(state));
  const known = waiting.flatMap(({ instanceId }) => reported.get(instanceId) ?? []);
  const unchosen = total - released - retained - waiting.length;
  const counted = `${released} of ${count(total, 'instance')} released`;
  return [
    released === total ? page.ink.good(counted) : counted,
    ...(known.length > 0 ? [drainsText(known, report, page)] : []),
    ...waiting
      .filter(({ instanceId }) => !reported.has(instanceId))
      .map(({ instanceId, state }) => `  ${instanceId}  ${page.ink.quiet(state)}`),
    ...(unchosen > 0 ? [page.ink.quiet(`  Auto Scaling has yet to choose ${unchosen}`)] : []),
    ...members.filter(({ state }) => RETAINED.test(state)).map((each) => retainedText(each, page)),
  ].join('\n');
}
