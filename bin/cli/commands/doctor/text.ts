import { wrap } from '../../terminal/layout.ts';
import type { Page } from '../../terminal/page.ts';
import { count } from '../../terminal/words.ts';
import type { AnyFinding } from './finding.ts';

const LEVELS = ['problem', 'warning', 'unknown', 'ok'] as const;
/** As wide as the widest level, and a gap. */
const INDENT = ' '.repeat(9);

/** A paragraph for each finding, the worst first: what is so, and what to do; and a line that counts them. */
export function doctorText({ findings }: { findings: readonly AnyFinding[] }, page: Page): string {
  const worst = LEVELS.flatMap((level) => findings.filter((finding) => finding.level === level));
  const counts = LEVELS.map((level) => [level, findings.filter((finding) => finding.level === level).length] as const);
  const told = counts
    .filter(([, number]) => number > 0)
    .map(([level, number]) => (level === 'ok' || level === 'unknown' ? `${number} ${level}` : count(number, level)));
  return [...worst.map((finding) => findingText(finding, page)), '', told.join(', ') || 'everything is in order']
    .join('\n')
    .trimStart();
}

function findingText({ id, level, what, do: todo }: AnyFinding, { columns, ink }: Page): string {
  const color = { ok: ink.good, warning: ink.warn, problem: ink.bad, unknown: ink.quiet }[level];
  // The level stands where the indent of the first line is.
  const said = wrap(`${id}: ${what}`, columns, INDENT).slice(INDENT.length);
  const lines = [`${color(level.padEnd(INDENT.length))}${said}`];
  if (todo !== undefined) lines.push(wrap(`→ ${todo}`, columns, INDENT));
  return lines.join('\n');
}
