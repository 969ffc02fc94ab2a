/** The alias through which the function answers queries and does dry runs, and nothing else: who may ask need not be let drain. */
export const QUERY_ALIAS = 'query';

/** What an operator asks the function: `{"command": …}`. No command changes anything. */
export type Command = CapacityCommand | JobsCommand | LogsCommand | DoctorCommand | PlanCommand;

/** Which clients there are, and what fits on them. */
export interface CapacityCommand {
  command: 'capacity';
  /** Of the allocations that are to fit, in MHz. */
  cpu?: number;
  /** Of the allocations that are to fit, in MB. */
  memoryMb?: number;
}

/** Which jobs run, wait or have ended, as far as Nomad still has their allocations. */
export interface JobsCommand {
  command: 'jobs';
  /** All that the token may read by default. */
  namespace?: string;
  /** Only those; `pending` are also jobs that run and wait for more. */
  status?: 'running' | 'pending' | 'dead';
}

/** What builds have written last: one of `allocation`, `instanceId` and `node` says of which. */
export interface LogsCommand {
  command: 'logs';
  /** The id of an allocation, or any unique beginning of it. */
  allocation?: string;
  /** Of everything that holds this instance. */
  instanceId?: string;
  /** Of everything that holds this node: its name, or its id or a beginning of it. */
  node?: string;
  /** Of this job only; if it has ended on the instance or node, of its last run there. */
  job?: string;
  /** All tasks by default. */
  task?: string;
  /** `stderr` by default. */
  stream?: 'stderr' | 'stdout';
  /** How much of the end of each log. 16 kB by default. */
  bytes?: number;
  /** To go on reading one log: what an earlier answer gave as its `offset`. Needs `allocation` and `task`. */
  offset?: string;
}

/** Whether all is set up as it has to be. */
interface DoctorCommand {
  command: 'doctor';
}

/** What a scale-in would mean now. */
export interface PlanCommand {
  command: 'plan';
  /** Only the instances of this group. @default all groups that the function serves */
  group?: string;
  /** How long a drain lets builds run, in seconds. @default that of the policy */
  deadlineSeconds?: number;
}
