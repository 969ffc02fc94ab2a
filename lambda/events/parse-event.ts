import { LAUNCHING, type LifecycleEvent, TERMINATING } from '../core/model/termination.ts';
import type { Command } from '../core/queries/command.ts';
import { EventError } from '../errors.ts';
import { type AnyCommand, readCommand } from './command.ts';
import { fieldsOf, instanceId, name, shown, timeOf } from './fields.ts';
import { readSaid, type Said } from './interruptions.ts';

/** What the function was woken for. `dryRun`: everything but writing. */
export type Wake =
  | { kind: 'event'; event: LifecycleEvent; dryRun: boolean }
  | { kind: 'sweep'; dryRun: boolean }
  /** What AWS says of instances before they go. */
  | { kind: 'notice'; said: Said; dryRun: boolean }
  | { kind: 'status' }
  /** To be ready for the question of who goes. */
  | { kind: 'warm' }
  /** One instance, as if it had to be terminated. */
  | { kind: 'dryRun'; instanceId: string }
  /** An operator asks something. */
  | { kind: 'command'; command: Command }
  | { kind: 'nothing'; because: string };

/** The lifecycle events, by their detail types: the transitions that they are about. */
const TRANSITIONS = new Map<unknown, { transition: string; of: string }>([
  ['EC2 Instance-terminate Lifecycle Action', { transition: TERMINATING, of: 'termination' }],
  ['EC2 Instance-launch Lifecycle Action', { transition: LAUNCHING, of: 'launch' }],
]);

/**
 * Reads what woke the function. An event that is not ours is no error; one of ours that is malformed is.
 * @throws EventError saying what is missing
 */
export function readWake(event: unknown): Wake {
  if (typeof event !== 'object' || event === null) throw new EventError('the event is not a JSON object');
  const { source, command, detail, time, dryRun, 'detail-type': type } = event as Record<string, unknown>;

  if (command !== undefined) return wakeOf(readCommand(event as Record<string, unknown>));
  // A misspelt value must not start a real drain.
  if (dryRun !== undefined && typeof dryRun !== 'boolean') throw new EventError('dryRun must be true or false');
  if (source === 'aws.events' && type === 'Scheduled Event') return { kind: 'sweep', dryRun: dryRun === true };
  const said = readSaid(event as Record<string, unknown>);
  if (said) return 'kind' in said ? { kind: 'notice', said, dryRun: dryRun === true } : nothing(said.because);
  const wanted = source === 'aws.autoscaling' ? TRANSITIONS.get(type) : undefined;
  if (!wanted) return nothing(`not an event that is handled: ${shown(source)}, ${shown(type)}`);
  return readLifecycleEvent(detail, time, { ...wanted, dryRun: dryRun === true });
}

function wakeOf(command: AnyCommand): Wake {
  switch (command.command) {
    case 'status':
    case 'warm':
      return { kind: command.command };
    case 'dryRun':
      return { kind: 'dryRun', instanceId: command.instanceId };
    default:
      return { kind: 'command', command };
  }
}

/** What the event says of itself may be of any length. */
const nothing = (because: string): Wake => ({ kind: 'nothing', because: because.slice(0, 300) });

const NEEDED = { EC2InstanceId: instanceId, AutoScalingGroupName: name, LifecycleHookName: name };

function readLifecycleEvent(
  detail: unknown,
  time: unknown,
  { transition, of, dryRun }: { transition: string; of: string; dryRun: boolean },
): Wake {
  const { LifecycleTransition: given, ...fields } = fieldsOf(detail);
  if (given && given !== transition) return nothing(`not a ${of}: ${shown(given)}`);

  const missing = Object.keys(NEEDED).filter((field) => !fields[field]);
  if (missing.length > 0) throw new EventError(`the lifecycle event lacks detail.${missing.join(', detail.')}`);
  const read = (field: keyof typeof NEEDED) => NEEDED[field](fields[field], `detail.${field}`);
  const at = timeOf(time);
  return {
    kind: 'event',
    dryRun,
    event: {
      instanceId: read('EC2InstanceId'),
      group: read('AutoScalingGroupName'),
      hook: read('LifecycleHookName'),
      ...(of === 'launch' && { launching: true as const }),
      ...(at !== undefined && { time: at }),
    },
  };
}
