import type { EpochMs } from '../core/model/clock.ts';
import { EventError } from '../errors.ts';

/** Reads the value of a field, which may be anything. @throws EventError if it is not what it has to be */
export type ReadField<T> = (given: unknown, field: string) => T;

/** What was given, for a message: only the beginning of it. */
export const shown = (given: unknown): string => String(JSON.stringify(given)).slice(0, 80);

export const wholeNumber =
  (min: number, max: number): ReadField<number> =>
  (given, field) => {
    if (typeof given === 'number' && Number.isInteger(given) && min <= given && given <= max) return given;
    throw new EventError(`${field} must be a whole number from ${min} to ${max}, not ${shown(given)}`);
  };

export const oneOf =
  <T extends string>(...known: readonly T[]): ReadField<T> =>
  (given, field) => {
    const found = known.find((each) => each === given);
    if (found !== undefined) return found;
    throw new EventError(`${field} must be one of ${known.join(', ')}, not ${shown(given)}`);
  };

export const matching =
  (pattern: RegExp, what: string): ReadField<string> =>
  (given, field) => {
    if (typeof given === 'string' && pattern.test(given)) return given;
    throw new EventError(`${field} is not a valid ${what}: ${shown(given)}`);
  };

export const text = matching(/^\P{C}{1,1000}$/u, 'text of 1 to 1000 characters');

/** A name as Auto Scaling takes it. */
export const name = matching(/^\P{C}{1,255}$/u, 'name of 1 to 255 characters');

const INSTANCE_ID = /^i-[0-9a-f]{8,17}$/;

/** Whether this is the id of an instance. */
export const isInstanceId = (id: unknown): id is string => typeof id === 'string' && INSTANCE_ID.test(id);

export const instanceId = matching(INSTANCE_ID, 'instance id');

export type Fields = Record<string, unknown>;

/** The fields of a JSON object; none of anything else. */
export const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};

/** As EventBridge writes a time, and as AWS Health does: `Thu, 27 Jan 2022 06:02:51 GMT`. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$|^\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;

/**undefined if it is no time. */
export function timeOf(given: unknown): EpochMs | undefined {
  const time = typeof given === 'string' && TIME.test(given) ? Date.parse(given) : Number.NaN;
  return Number.isFinite(time) ? time : undefined;
}
