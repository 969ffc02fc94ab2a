/** How a command ends, for scripts. */
export const EXIT = {
  /** Done, or nothing wrong. */
  ok: 0,
  /** It could not be done, or was not agreed to. */
  failed: 1,
  /** It was done, and shows something that a person has to see to. */
  personNeeded: 2,
  /** Ctrl-C ended it: 128 and the number of the signal, as shells have it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
