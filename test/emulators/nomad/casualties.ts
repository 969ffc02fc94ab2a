/** A task that did not end by itself, or that was still to run when its instance died. */
export interface KilledTask {
  allocationId: string;
  task: string;
  /** Runs when the others are dead. */
  poststop: boolean;
  jobId: string;
  jobType: string;
  namespace: string;
  nodeId: string;
  at: number;
  /** `stopped` within its kill timeout, `force-killed` at its end, or dead with its instance. */
  how: 'stopped' | 'force-killed' | 'instance-died';
}

/** What became of tasks and their data, for tests to look at: Nomad does not say it. */
export interface Casualties {
  killed: KilledTask[];
  /** Replacements that had to start without the ephemeral disk they were to inherit. */
  lostDisks: { allocationId: string; previousAllocationId: string; at: number }[];
}
