import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../lambda/core/basics.ts';
import type { Report } from '../../lambda/core/drain/report.ts';
import type { GroupInstance } from './aws/auto-scaling.ts';
import { drainsText, retainedText } from './commands/status/text.ts';
import type { Context } from './context.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { isClean, type Release, readReleases } from './releases.ts';
import { releaseText } from './releases-text.ts';
import { wrap } from './terminal/layout.ts';
import type { Page } from './terminal/page.ts';
import { printable } from './terminal/printable.ts';
import { count, moment } from './terminal/words.ts';
import { watch } from './watch.ts';

/** What a look at instances that go has found. */
interface Going {
  report: Report;
  /** Those that have been chosen and are in their group still, as Auto Scaling has them. */
  members: readonly GroupInstance[];
  /** The ids of those that have left their group. */
  left: readonly string[];
}

/** How often the log is read until it says how all ended, and how long between, in milliseconds. */
const LOG_TRIES = 10;
const LOG_PAUSE_MS = 2_000;
/** What is released so long before the watch began, or after its last look, is what was watched; in milliseconds. */
const AROUND_MS = 600_000;

const RETAINED = /:Retained$/;
const isRetained = ({ state }: GroupInstance): boolean => RETAINED.test(state);
/** Auto Scaling waits for no hook of these any more. */
export const RELEASED = /^(Terminating:Proceed|Terminated|Detach)/;

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
  let going: Going | undefined;
  const { screen, json } = context;
  /** When the watch began, and its last look was, by the function's clock: milliseconds since the epoch. */
  let began: number | undefined;
  let now = Date.now();
  const live = screen.live(json ? 'stderr' : 'stdout');
  const ended = await watch(live, interval, async (signal) => {
    going = printable(await look(signal));
    now = moment(going.report.at) ?? Date.now();
    began ??= now;
    const { released, retained } = countOf(going);
    return { text: goingText(going, total, screen.page), done: released + retained >= total };
  });
  const retained = going?.members.filter(isRetained) ?? [];
  if (ended === 'done' && going) {
    const outcomes = await howTheyEnded(context, releasedOf(going), { began: began ?? now, now });
    if (json) context.show({ ...answer, ended, retained, ...outcomes }, () => '');
    else screen.print(outcomesText(outcomes, screen.page));
    const isFine = retained.length === 0 && isFineEnd(outcomes);
    return isFine ? EXIT.ok : EXIT.personNeeded;
  }
  if (json) context.show({ ...answer, ended, retained }, () => '');
  screen.tell('The drain goes on without you. See it again with: nomad-drain-hook status -w');
  return EXIT.interrupted;
}

/** How waits have ended, and of which instances that is not known. */
export interface Outcomes {
  releases: Release[];
  unknown: { instanceId: string; because: string }[];
}

/** It is known how all have ended, and nothing was lost. */
export const isFineEnd = ({ releases, unknown }: Outcomes): boolean => unknown.length === 0 && releases.every(isClean);

const releasedOf = ({ members, left }: Going): string[] => [
  ...left,
  ...members.filter(({ state }) => RELEASED.test(state)).map(({ instanceId }) => instanceId),
];

/** CloudWatch has a record of the log some seconds after it was written. Times are milliseconds since the epoch. */
export async function howTheyEnded(
  { account, screen }: Context,
  ids: readonly string[],
  { began, now }: { began: number; now: number },
): Promise<Outcomes> {
  let releases: Release[] = [];
  let because = "it is not in the function's log yet: see nomad-drain-hook history";
  for (let tries = 0; tries < LOG_TRIES; tries++) {
    try {
      // An instance of a warm pool may have waited before.
      const span = { since: began - AROUND_MS, until: now + AROUND_MS };
      const recent = await screen.during('reading how it ended', readReleases(account, span));
      releases = ids.flatMap((id) => recent.releases.findLast(({ instanceId }) => instanceId === id) ?? []);
    } catch (error) {
      because = `the function's log cannot be read: ${messageOf(error)}`;
      break;
    }
    if (releases.length === ids.length) break;
    await sleep(LOG_PAUSE_MS);
  }
  const known = new Set(releases.map(({ instanceId }) => instanceId));
  return {
    releases,
    unknown: ids.filter((id) => !known.has(id)).map((instanceId) => ({ instanceId, because })),
  };
}

/** A line for each, or more where something was lost. */
export function outcomesText({ releases, unknown }: Outcomes, page: Page): string {
  return [
    ...releases.map((release) => releaseText(release, page)),
    ...unknown.map(({ instanceId, because }) =>
      page.ink.bad(wrap(`${instanceId}  released; the outcome is not known: ${because}`, page.columns, '  ')),
    ),
  ].join('\n');
}

const countOf = ({ members, left }: Going) => ({
  released: left.length + members.filter(({ state }) => RELEASED.test(state)).length,
  retained: members.filter(isRetained).length,
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
    ...members.filter(isRetained).map((each) => retainedText(each, page)),
  ].join('\n');
}
