/** What an operator asks the function: `{"command": …}`. No command changes anything. */
export type Command = CapacityCommand | JobsCommand | PlanCommand;

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

/** What a scale-in would mean now. */
export interface PlanCommand {
  command: 'plan';
  /** Only the instances of this group. @default all groups that the function serves */
  group?: string;
  /** How long a drain lets builds run, in seconds. @default that of the policy */
  deadlineSeconds?: number;
}
