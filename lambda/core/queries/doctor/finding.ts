/** What `doctor` checks; docs/reference.md explains each. */
export const FINDINGS = [
  'version',
  'nomad',
  'servers',
  'token',
  'certificate',
  'sweep',
  'hook',
  'deletion',
  'nodes',
  'other-drains',
  'longest-build',
  'max-run-duration',
  'who-goes',
  'run-command',
] as const;

export type FindingId = (typeof FINDINGS)[number];

/** The result of one check. */
export interface Finding<Id extends string = FindingId> {
  id: Id;
  /** `problem`: builds may be killed or instances held; `unknown`: it could not be checked. */
  level: 'ok' | 'warning' | 'problem' | 'unknown';
  /** What is so, in a sentence. */
  what: string;
  /** What to do about it; absent where all is well. */
  do?: string;
}
