/** What `doctor` looks at; docs/reference.md says of each what to do. */
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
  'who-goes',
  'run-command',
] as const;

export type FindingId = (typeof FINDINGS)[number];

/** One thing that `doctor` has looked at. */
export interface Finding<Id extends string = FindingId> {
  id: Id;
  /** `problem`: builds may be killed or instances kept; `unknown`: it could not be asked, so it may be either. */
  level: 'ok' | 'warning' | 'problem' | 'unknown';
  /** What is so, in a sentence. */
  what: string;
  /** What to do about it; absent where all is well. */
  do?: string;
}
