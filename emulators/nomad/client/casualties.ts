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

/** A process on a machine that has power, whether or not any Nomad knows of it. */
export interface TaskProcess {
  allocationId: string;
  task: string;
  jobId: string;
  jobType: string;
  namespace: string;
  nodeId: string;
  poststop: boolean;
  /** It does not run yet: it will, since the others of its allocation have ended. */
  pending: boolean;
  /** The servers have forgotten it (its job is purged, or they collected it), or its own agent has. */
  forgottenBy?: 'servers' | 'agent';
}
