import { say } from '../../../lambda/core/explain.ts';
import { grouped } from '../grouped.ts';

/** "1 instance", "2 instances". */
export const count = (number: number, noun: string, plural = `${noun}s`): string =>
  `${number} ${number === 1 ? noun : plural}`;

/** The time between two moments for a reader: "90 s", "2 h 5 min". Milliseconds since the epoch. */
export const between = (from: number, to: number): string => say(Math.max(0, to - from) / 1000);

/**
 * Long host names, such as `ip-10-0-1-12.eu-west-1.compute.internal`, by their first labels where no other of them begins so.
 * @returns the name to show for each
 */
export function shortNames(names: readonly string[]): Map<string, string> {
  const labels = grouped(new Set(names), firstLabel);
  return new Map(names.map((name) => [name, labels.get(firstLabel(name))?.length === 1 ? firstLabel(name) : name]));
}

const firstLabel = (name: string): string => name.split('.', 1)[0] ?? name;

/** The clock time of a moment of a report: "16:10Z". */
export const clockTime = (iso: string): string => `${iso.slice(11, 16)}Z`;

/** A moment of a report, milliseconds since the epoch; undefined if it is not known. */
export const moment = (iso: string | undefined): number | undefined =>
  iso === undefined ? undefined : Date.parse(iso);
