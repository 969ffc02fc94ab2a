import { type AnyCommand, readCommand } from './command.ts';
import type { Command } from './core/answers/command.ts';
import { EventError } from './errors.ts';
import { checkInstanceId, fieldsOf, readSaid, type Said, timeOf } from './said.ts';

/** The lifecycle event, as EventBridge delivers it. */
export interface LifecycleEvent {
  instanceId: string;
  group: string;
  hook: string;
  /** When the event happened, milliseconds since the epoch. */
  time?: number;
}

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

/** Whether the run only says what it would do. */
export const isDryRun = (wake: Wake): boolean =>
  wake.kind === 'status' || wake.kind === 'dryRun' || ('dryRun' in wake && wake.dryRun);

const TERMINATING = 'autoscaling:EC2_INSTANCE_TERMINATING';

/**
 * Reads what woke the function. An event that is not ours is no error; one of ours that is malformed is.
 * @throws EventError saying what is missing
 */
export function readWake(event: unknown): Wake {
  if (typeof event !== 'object' || event === null) throw new EventError('the event is not a JSON object');
  const { source, command, detail, time, dryRun, 'detail-type': type } = event as Record<string, unknown>;

  if (command !== undefined) return wakeOf(readCommand(event as Record<string, unknown>));
  // A misspelt value must not start a real drain.
  if (dryRun !== undefined && typeof dryRun !== 'boolean') throw new EventError('dryRun is neither true nor false');
  if (source === 'aws.events' && type === 'Scheduled Event') return { kind: 'sweep', dryRun: dryRun === true };
  const said = readSaid(event as Record<string, unknown>);
  if (said) return 'kind' in said ? { kind: 'notice', said, dryRun: dryRun === true } : { kind: 'nothing', ...said };
  if (source !== 'aws.autoscaling' || type !== 'EC2 Instance-terminate Lifecycle Action') {
    return { kind: 'nothing', because: `no event that is acted on: ${String(source)}, ${String(type)}` };
  }
  return readLifecycleEvent(detail, time, dryRun === true);
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

function readLifecycleEvent(detail: unknown, time: unknown, dryRun: boolean): Wake {
  const fields = fieldsOf(detail);
  const text = (name: string) => (typeof fields[name] === 'string' && fields[name] !== '' ? fields[name] : undefined);
  const transition = text('LifecycleTransition');
  if (transition && transition !== TERMINATING) return { kind: 'nothing', because: `not a termination: ${transition}` };

  const instanceId = text('EC2InstanceId');
  const group = text('AutoScalingGroupName');
  const hook = text('LifecycleHookName');
  if (!instanceId || !group || !hook) {
    const missing = ['EC2InstanceId', 'AutoScalingGroupName', 'LifecycleHookName'].filter((name) => !text(name));
    throw new EventError(`the lifecycle event lacks detail.${missing.join(', detail.')}`);
  }
  checkInstanceId(instanceId, 'detail.EC2InstanceId');
  const at = timeOf(time);
  return {
    kind: 'event',
    dryRun,
    event: {
      instanceId,
      group,
      hook,
      ...(at !== undefined && { time: at }),
    },
  };
}
