import type { TerminationQuestion } from './core/choose.ts';
import { EventError } from './errors.ts';

/** The answer to Auto Scaling: these instances go. */
export interface TerminationAnswer {
  InstanceIDs: string[];
}

interface Capacity {
  AvailabilityZone?: unknown;
  InstanceMarketOption?: unknown;
  Capacity?: unknown;
  InstanceId?: unknown;
}

/**
 * What Auto Scaling asks the function as a termination policy; undefined if the event is something else. It comes without
 * the envelope of EventBridge.
 * @throws EventError if it is such a question and cannot be understood
 */
export function readQuestion(event: unknown): TerminationQuestion | undefined {
  if (typeof event !== 'object' || event === null || !('AutoScalingGroupARN' in event)) return undefined;
  const {
    AutoScalingGroupName: group,
    Cause: cause,
    CapacityToTerminate,
    Instances,
  } = event as Record<string, unknown>;
  if (typeof group !== 'string') throw new EventError('the question lacks AutoScalingGroupName');
  const suggested = listOf(Instances, 'Instances').map((each) => {
    if (typeof each.InstanceId !== 'string') throw new EventError('an instance of the question lacks InstanceId');
    return { instanceId: each.InstanceId, pool: poolOf(each) };
  });
  const wanted = new Map<string, number>();
  for (const each of listOf(CapacityToTerminate, 'CapacityToTerminate')) {
    if (typeof each.Capacity !== 'number') throw new EventError('a capacity of the question is no number');
    wanted.set(poolOf(each), (wanted.get(poolOf(each)) ?? 0) + each.Capacity);
  }
  return { group, cause: String(cause), wanted, suggested };
}

function listOf(given: unknown, name: string): Capacity[] {
  if (!Array.isArray(given)) throw new EventError(`the question lacks ${name}`);
  return given.map((each) => (each ?? {}) as Capacity);
}

const poolOf = ({ AvailabilityZone, InstanceMarketOption }: Capacity): string =>
  `${String(AvailabilityZone)} ${String(InstanceMarketOption)}`;
