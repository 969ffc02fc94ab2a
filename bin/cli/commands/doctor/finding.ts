import type { Finding } from '../../../../lambda/core/queries/doctor/finding.ts';

/** What the command itself checks, with the operator's credentials; docs/reference.md explains each. */
export const OWN_FINDINGS = ['function', 'schedule', 'alarms', 'agents', 'quota', 'bootstrap'] as const;

export type OwnId = (typeof OWN_FINDINGS)[number];

/** A finding of the command itself. */
export type OwnFinding = Finding<OwnId>;

/** A finding of the function, or of the command. */
export type AnyFinding = Finding<string>;
