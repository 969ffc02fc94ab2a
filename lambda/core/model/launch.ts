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

/** Where an instance goes that waits for our launching hook, and what it has to be before. */
export interface Launch {
  into: 'service' | 'warm pool';
  admission: Admission;
}

/** The states in which Auto Scaling holds an instance for a launching lifecycle hook. */
export const HELD_AT_LAUNCH = ['Pending:Wait', 'Warmed:Pending:Wait'];
/** The states just before those. */
export const COMING = ['Pending', 'Warmed:Pending'];
