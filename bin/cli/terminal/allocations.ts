import { say } from '../../../lambda/core/explain.ts';
import type { AllocationReport } from '../../../lambda/core/model/allocation.ts';
import { table } from './layout.ts';
import type { Page } from './page.ts';
import { clockTime } from './words.ts';

/** What runs on an instance: a line each, what runs longest first. */
export function allocationsText(allocations: readonly AllocationReport[], { columns, ink }: Page): string {
  if (allocations.length === 0) return `  ${ink.quiet('nothing that holds it')}`;
  const longest = allocations.toSorted((one, other) => other.runningSeconds - one.runningSeconds);
  const rows = longest.map(({ id, job, namespace, type, status, runningSeconds, endsBy }) => [
    { text: namespace === 'default' ? job : `${job} (${namespace})`, ink: ink.heading },
    { text: type },
    { text: `${status} for ${say(runningSeconds)}${endsBy === undefined ? '' : `, ends by ${clockTime(endsBy)}`}` },
    // Nomad's own commands take this much of an id.
    { text: id.slice(0, 8), ink: ink.quiet },
  ]);
  return table(rows, { columns, indent: '  ', flexible: 0 });
}
