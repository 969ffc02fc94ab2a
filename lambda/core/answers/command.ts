/** What an operator asks the function: `{"command": …}`. No command changes anything. */
export type Command = CapacityCommand;

/** Which clients there are, and what fits on them. */
export interface CapacityCommand {
  command: 'capacity';
  /** Of the allocations that are to fit, in MHz. */
  cpu?: number;
  /** Of the allocations that are to fit, in MB. */
  memoryMb?: number;
}
