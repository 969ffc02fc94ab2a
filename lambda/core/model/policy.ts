/** How long drains of a group may take, and what is done at the end of that time. */
export interface Policy {
  /** How long builds may take to finish before Nomad kills them, in seconds. */
  deadlineSeconds: number;
  /** How long killed tasks may take to stop, in seconds. */
  killMarginSeconds: number;
  /** How long an instance may wait without a Nomad node before it is released as none, in seconds. */
  graceSeconds: number;
  /** Leave system jobs running, and do not wait for them. */
  ignoreSystemJobs: boolean;
  /** The lifecycle result for an instance whose drain did not end in time. */
  onTimeout: 'CONTINUE' | 'ABANDON';
  /** Jobs may say in their meta how long a drain waits for them. */
  jobMeta: boolean;
}

/** The defaults. Times in seconds. */
export const DEFAULT_POLICY = {
  /** 6 h: the longest build of the common CI services (CircleCI 5 h, GitHub Actions 6 h); Nomad's own 1 h would kill them. */
  deadlineSeconds: 21_600,
  /** 5 min: time for killed tasks to stop. */
  killMarginSeconds: 300,
  /** 2 min: an instance that has just booted may register its node in that time. */
  graceSeconds: 120,
  ignoreSystemJobs: false,
  onTimeout: 'CONTINUE',
  jobMeta: false,
} as const satisfies Policy;

/** What an instance has to be before it is put into service. */
export interface Admission {
  /** How long it may take, in seconds: then the instance is abandoned, and Auto Scaling replaces it. */
  readyTimeoutSeconds: number;
  /** The task drivers that have to be healthy on its node, such as `docker`. */
  drivers: readonly string[];
  /** The system jobs that Nomad places on its node have to run. */
  awaitSystemJobs: boolean;
}

/** The defaults. */
export const DEFAULT_ADMISSION = {
  /** 15 min: an image that pulls its containers at boot takes minutes. */
  readyTimeoutSeconds: 900,
  drivers: [],
  awaitSystemJobs: false,
} as const satisfies Admission;
