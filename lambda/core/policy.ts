/** How long drains may take, and what is done at the end of that time. */
export interface Policy {
  /** How long builds may take to finish before Nomad kills them, in seconds. */
  deadlineSeconds: number;
  /** How long killed tasks may take to stop, in seconds. */
  killMarginSeconds: number;
  /** How long an instance may wait without a Nomad node before it is released as none, in seconds. */
  graceSeconds: number;
  /** Leave system jobs running, and do not wait for them. */
  ignoreSystemJobs: boolean;
  /** How an instance is released whose drain did not end in time. */
  onTimeout: 'CONTINUE' | 'ABANDON';
}

/** What holds where the configuration says nothing. Times in seconds. */
export const DEFAULT_POLICY = {
  /** 6 h: the longest build of the common CI services (CircleCI 5 h, GitHub Actions 6 h); Nomad's own 1 h would kill them. */
  deadlineSeconds: 21_600,
  /** 5 min: time for killed tasks to stop, for what is past its deadline. */
  killMarginSeconds: 300,
  /** 2 min: how long an instance may wait without a Nomad node before we say that it has none. */
  graceSeconds: 120,
  ignoreSystemJobs: false,
  onTimeout: 'CONTINUE',
} as const satisfies Policy;
