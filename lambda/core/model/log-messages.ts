/** The messages of the log records that say what has happened to instances: `history` and the dashboard look for them. */
export const LOG = {
  drainStarted: 'drain started',
  drainRenewed: 'drain renewed',
  drainShortened: 'drain shortened',
  drainExtended: 'drain extended',
  drainForced: 'drain forced',
  /** Its job lets no drain wait for it. With its `allocation`, `job`, `namespace` and `taskGroup`. */
  stopped: 'allocation stopped: its job lets no drain wait for it',
  /** The same; it ends with its instance, or before. */
  notStopped: 'allocation not stopped: it ends with its instance',
  /** With its `outcome`, `because`, and how many allocations were `killed`. */
  released: 'instance released',
  /** On its way into service. */
  madeEligible: 'node made eligible: its instance is about to enter service',
  /** With its `because`. */
  admitted: 'instance put into service',
  /** With its `because`. */
  abandoned: 'instance abandoned: its node is not ready',
  /** One record for each, with its `allocation`, `job`, `namespace` and `taskGroup`. */
  killed: 'allocation killed',
  /** One record for each task group, with `job` and `namespace`. */
  runsNowhere: 'service runs nowhere now: the drain has stopped it',
} as const;

/** One of these messages. */
export type LogMessage = (typeof LOG)[keyof typeof LOG];
