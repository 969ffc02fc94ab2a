import { say } from '../../../lambda/core/explain.ts';

/** "1 instance", "2 instances". */
export const count = (number: number, noun: string, plural = `${noun}s`): string =>
  `${number} ${number === 1 ? noun : plural}`;

/** The time between two moments for a reader: "90 s", "2 h 5 min". Milliseconds since the epoch. */
export const between = (from: number, to: number): string => say(Math.max(0, to - from) / 1000);

/** A moment of a report, milliseconds since the epoch; undefined if it is not known. */
export const moment = (iso: string | undefined): number | undefined =>
  iso === undefined ? undefined : Date.parse(iso);
