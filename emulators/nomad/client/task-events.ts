import { printDuration } from '../go-values.ts';
import type { Job, TaskEvent } from '../model.ts';

export const received = (nanos: number) => event(nanos, 'Received', 'Task received by client');
export const taskSetup = (nanos: number) =>
  event(nanos, 'Task Setup', 'Building Task Directory', {
    Details: { message: 'Building Task Directory' },
    Message: 'Building Task Directory',
  });
export const templateWaits = (nanos: number, { ID, Namespace, Region }: Job) => {
  const missing = `Missing: nomad.var.block(nomad/jobs/${ID}@${Namespace}.${Region})`;
  return event(nanos, 'Template', missing, { Details: { message: missing }, Message: missing });
};
export const started = (nanos: number) => event(nanos, 'Started', 'Task started by client');
/** @param reason what the client says instead of what it does */
export const killing = (nanos: number, killTimeoutMs: number, reason?: string) => {
  const timeout = printDuration(killTimeoutMs * 1e6);
  return event(nanos, 'Killing', reason ?? `Sent interrupt. Waiting ${timeout} before force killing`, {
    Details: { kill_timeout: timeout },
    KillTimeout: killTimeoutMs * 1e6,
  });
};
export const shutdownDelay = (nanos: number, delayMs: number) => {
  const text = `Waiting for shutdown_delay of ${printDuration(delayMs * 1e6)} before killing the task.`;
  return event(nanos, 'Waiting for shutdown delay', text, { Details: {}, Message: text });
};
export const terminated = (nanos: number, exitCode: number, signal: number) =>
  event(nanos, 'Terminated', `Exit Code: ${exitCode}${signal ? `, Signal: ${signal}` : ''}`, {
    Details: { exit_code: String(exitCode), signal: String(signal), oom_killed: 'false' },
    ExitCode: exitCode,
    Signal: signal,
  });
export const killed = (nanos: number) => event(nanos, 'Killed', 'Task successfully killed');

/** Why tasks are killed without an order to stop: a sibling failed, the leader ended, or only sidecars are left. */
export const siblingFailed = (nanos: number, FailedSibling: string) =>
  event(nanos, 'Sibling Task Failed', `Task's sibling "${FailedSibling}" failed`, {
    Details: { failed_sibling: FailedSibling },
    FailedSibling,
  });
export const leaderDead = (nanos: number) => event(nanos, 'Leader Task Dead', 'Leader Task in Group dead');
export const mainDead = (nanos: number) => event(nanos, 'Main Tasks Dead', 'Main tasks in the group died');
export const restarting = (nanos: number, delayNanos: number, reason: string) =>
  event(nanos, 'Restarting', `Task restarting in ${printDuration(delayNanos)}`, {
    Details: { restart_reason: reason, start_delay: String(delayNanos) },
    RestartReason: reason,
    StartDelay: delayNanos,
  });
export const notRestarting = (nanos: number, reason: string) =>
  event(nanos, 'Not Restarting', reason, {
    Details: { fails_task: 'true', restart_reason: reason },
    FailsTask: true,
    RestartReason: reason,
  });
export const reconnected = (nanos: number) => event(nanos, 'Reconnected', 'Client reconnected');

const event = (Time: number, Type: string, DisplayMessage: string, more: Partial<TaskEvent> = {}): TaskEvent => ({
  Details: {},
  DiskLimit: 0,
  DisplayMessage,
  DownloadError: '',
  DriverError: '',
  DriverMessage: '',
  ExitCode: 0,
  FailedSibling: '',
  FailsTask: false,
  GenericSource: '',
  KillError: '',
  KillReason: '',
  KillTimeout: 0,
  Message: '',
  RestartReason: '',
  SetupError: '',
  Signal: 0,
  StartDelay: 0,
  TaskSignal: '',
  TaskSignalReason: '',
  Time,
  Type,
  ValidationError: '',
  VaultError: '',
  ...more,
});
