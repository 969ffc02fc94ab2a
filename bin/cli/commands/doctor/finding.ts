import type { Finding } from '../../../../lambda/core/queries/doctor/finding.ts';

/** What the command itself looks at, with the operator's credentials; docs/reference.md says of each what to do. */
export const OWN_FINDINGS = ['function', 'schedule', 'alarms', 'agents', 'quota', 'bootstrap'] as const;

export type OwnId = (typeof OWN_FINDINGS)[number];

/** What is looked at from here. */
export type OwnFinding = Finding<OwnId>;

/** A finding of the function, or of the command. */
export type AnyFinding = Finding<string>;
