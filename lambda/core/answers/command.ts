/** What an operator asks the function: `{"command": …}`. No command changes anything. */
export type Command = CapacityCommand | PlanCommand;

/** Which clients there are, and what fits on them. */
export interface CapacityCommand {
  command: 'capacity';
  /** Of the allocations that are to fit, in MHz. */
  cpu?: number;
  /** Of the allocations that are to fit, in MB. */
  memoryMb?: number;
}

/** What a scale-in would mean now. */
export interface PlanCommand {
  command: 'plan';
  /** Only the instances of this group. @default all groups that the function serves */
  group?: string;
  /** How long a drain lets builds run, in seconds. @default that of the policy */
  deadlineSeconds?: number;
}
