import type { Report } from '../../lambda/core/report.ts';
import type { GroupInstance } from './aws/auto-scaling.ts';
import type { Context } from './context.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { wrap } from './screen/layout.ts';
import type { Page } from './screen/page.ts';
import { printable } from './screen/printable.ts';
import { count } from './screen/words.ts';
import { drainsText } from './status/text.ts';
import { watch } from './watch.ts';

/** What a look at instances that go has found. */
export interface Going {
  report: Report;
  /** As Auto Scaling has them; those that are in no group any more are missing. */
  members: readonly GroupInstance[];
}

/** Auto Scaling waits for no hook of its any more, or has handed it to a person. */
const RELEASED = /^(Terminating:Proceed|Terminated|Detach)/;
const RETAINED = /:Retained$/;

const isLeft = ({ state }: GroupInstance) => !RELEASED.test(state) && !RETAINED.test(state);

/**
 * Watches instances until the last of them is released. Ctrl-C ends the watch, not the drains.
 * @param look asked anew each time, for the instances may not have been chosen yet
 * @param total how many there are, or will be
 */
export async function untilGone(
  context: Context,
  options: { interval: number; total: number },
  look: (signal: AbortSignal) => Promise<Going>,
): Promise<ExitCode> {
  let retained = false;
  const ended = await watch(context, options.interval, async (signal) => {
    const going = printable(await look(signal));
    const left = going.members.filter(isLeft).length;
    retained = going.members.some(({ state }) => RETAINED.test(state));
    return { text: goingText(going, options.total, context.screen.page), done: left === 0 };
  });
  if (ended === 'done') return retained ? EXIT.personNeeded : EXIT.ok;
  context.screen.tell('The drain goes on without you. See it again with: nomad-drain-hook status -w');
  return EXIT.interrupted;
}

/** How many are released; of the others, what each waits for. */
export function goingText({ report, members }: Going, total: number, page: Page): string {
  const left = members.filter(isLeft);
  const reported = new Map(report.instances.map((instance) => [instance.instanceId, instance]));
  const known = left.flatMap(({ instanceId }) => reported.get(instanceId) ?? []);
  const rest = left.filter(({ instanceId }) => !reported.has(instanceId));
  const kept = members.filter(({ state }) => RETAINED.test(state));
  const released = total - left.length - kept.length;
  const counted = `${released} of ${count(total, 'instance')} released`;
  return [
    released === total ? page.ink.good(counted) : counted,
    ...(known.length > 0 ? [drainsText(known, report, page)] : []),
    ...rest.map(({ instanceId, state }) => `  ${instanceId}  ${page.ink.quiet(state)}`),
    ...kept.map(({ instanceId, state }) =>
      page.ink.bad(
        wrap(`${instanceId}  ${state}: Auto Scaling keeps it until a person has looked at it`, page.columns, '  '),
      ),
    ),
  ].join('\n');
}
