import type { TerminationQuestion } from '../core/scale-in/choose.ts';
import { EventError } from '../errors.ts';
import { type Fields, fieldsOf, instanceId, matching, name, type ReadField, wholeNumber } from './fields.ts';

/** The answer to Auto Scaling: these instances go. */
export interface TerminationAnswer {
  InstanceIDs: string[];
}

const cause = matching(/^[A-Z_]{1,64}$/, 'cause of a termination');
const zone = matching(/^[a-z0-9-]{1,64}$/, 'zone');
const market = matching(/^[a-z-]{1,64}$/, 'market option');
/** What a question may lack all the same: no group stops scaling in for it. */
const ifGiven =
  (read: ReadField<string>): ReadField<string> =>
  (given, field) =>
    given === undefined ? '' : read(given, field);
const capacity = wholeNumber(0, 1_000_000);

/**
 * What Auto Scaling asks the function as a termination policy; undefined if the event is something else. It comes without
 * the envelope of EventBridge.
 * @throws EventError if it is such a question and cannot be understood
 */
export function readQuestion(event: unknown): TerminationQuestion | undefined {
  if (typeof event !== 'object' || event === null || !('AutoScalingGroupARN' in event)) return undefined;
  const question = event as Fields;
  const suggested = listOf(question, 'Instances').map((each) => ({
    instanceId: instanceId(each.InstanceId, 'InstanceId'),
    pool: poolOf(each),
  }));
  const wanted = new Map<string, number>();
  for (const each of listOf(question, 'CapacityToTerminate')) {
    wanted.set(poolOf(each), (wanted.get(poolOf(each)) ?? 0) + capacity(each.Capacity, 'Capacity'));
  }
  return {
    group: name(question.AutoScalingGroupName, 'AutoScalingGroupName'),
    cause: ifGiven(cause)(question.Cause, 'Cause'),
    wanted,
    suggested,
  };
}

function listOf(question: Fields, field: string): Fields[] {
  const given = question[field];
  if (!Array.isArray(given)) throw new EventError(`the event lacks ${field}`);
  return given.map(fieldsOf);
}

const poolOf = ({ AvailabilityZone, InstanceMarketOption }: Fields): string =>
  `${ifGiven(zone)(AvailabilityZone, 'AvailabilityZone')} ${ifGiven(market)(InstanceMarketOption, 'InstanceMarketOption')}`;
