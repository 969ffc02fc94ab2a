import { say } from '../../../../lambda/core/explain.ts';
import { isClean, type Release } from '../../releases.ts';
import { lossText } from '../../releases-text.ts';
import { type Cell, table, wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';
import { count } from '../../terminal/words.ts';

/** What has left, the oldest first. */
export interface History {
  at: string;
  since: string;
  releases: readonly (Release & {
    /** Why Auto Scaling terminated it, in its words; null if it no longer says. */
    cause: string | null;
  })[];
}

/** A line of a table for each instance; under it why, and what was lost. */
export function historyText({ since, at, releases }: History, page: Page): string {
  const { ink, columns } = page;
  const span = `from ${minuteOf(since)} to ${minuteOf(at)} UTC, by the function's log`;
  if (releases.length === 0) return ink.quiet(wrap(`no instance was released ${span}`, columns));
  const rows = releases.map((release): Cell[] => [
    { text: minuteOf(release.at) },
    { text: release.instanceId, ink: ink.heading },
    { text: release.group },
    { text: release.outcome, ink: isClean(release) ? ink.good : ink.bad },
    { text: release.seconds === undefined ? '' : say(release.seconds) },
  ]);
  const lines = table(rows, { columns, flexible: 2 }).split('\n');
  const told = releases.flatMap((release, index) => [lines[index] ?? '', ...detailsOf(release, page)]);
  const lost = releases.reduce((sum, { killed }) => sum + killed.length, 0);
  const abandoned = releases.filter(({ outcome }) => outcome === 'abandoned').length;
  const ended = `${count(releases.length - abandoned, 'instance')} released${abandoned > 0 ? `, ${abandoned} abandoned` : ''}`;
  const total = `${ended}, ${count(lost, 'allocation')} killed, ${span}`;
  return [...told, '', wrap(lost > 0 ? ink.bad(total) : ink.quiet(total), columns)].join('\n');
}

function detailsOf({ because, cause, killed, nowhere }: History['releases'][number], { ink, columns }: Page): string[] {
  const line = (text: string, color = (plain: string) => plain) => color(wrap(text, columns, '  '));
  return [
    line(because),
    ...killed.map((loss) => line(`killed: ${lossText(loss)}`, ink.bad)),
    ...nowhere.map((loss) => line(`runs nowhere now: ${lossText(loss)}`, ink.bad)),
    line(cause ?? 'Auto Scaling no longer reports why it was terminated', ink.quiet),
  ];
}

/** "03-01 09:02". */
const minuteOf = (iso: string): string => iso.slice(5, 16).replace('T', ' ');
