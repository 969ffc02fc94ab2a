import { messageOf } from '../../basics.ts';
import type { AnswerPorts } from '../ports.ts';
import { checkDeletion, checkGroups } from './check-groups.ts';
import { checkLongestBuild } from './check-longest-build.ts';
import { checkMaxRunDuration } from './check-max-run-duration.ts';
import { checkNodes } from './check-nodes.ts';
import { checkCertificates, checkNomad, checkToken } from './check-nomad.ts';
import { checkOtherDrains } from './check-other-drains.ts';
import { checkRunCommand, checkSweep, checkVersion, checkWhoGoes } from './check-setup.ts';
import type { Finding, FindingId } from './finding.ts';
import { type Fleet, readFleet } from './fleet.ts';

/** What the function finds in its surroundings, in the order in which to fix it. */
export interface DoctorAnswer {
  run: 'doctor';
  findings: Finding[];
  /** The instances that may be asked for Nomad, where that is the way: who may read SSM's inventory sees whether they can. */
  askedThrough?: string[];
}

/** @param fleet reads the fleet, or has read it for another check */
type Check = (ports: AnswerPorts, fleet: () => Promise<Fleet>) => Promise<Finding[]>;

const CHECKS: readonly (readonly [FindingId, Check])[] = [
  ['version', checkVersion],
  ['nomad', checkNomad],
  ['certificate', checkCertificates],
  ['token', checkToken],
  ['hook', checkGroups],
  ['deletion', checkDeletion],
  ['nodes', checkNodes],
  ['other-drains', checkOtherDrains],
  ['longest-build', checkLongestBuild],
  ['max-run-duration', checkMaxRunDuration],
  ['sweep', checkSweep],
  ['who-goes', checkWhoGoes],
  ['run-command', checkRunCommand],
];

/** Never throws because of what it checks: what cannot be checked is a finding too. */
export async function doctor(ports: AnswerPorts): Promise<DoctorAnswer> {
  let read: Promise<Fleet> | undefined;
  const fleet = () => {
    read ??= readFleet(ports);
    return read;
  };
  const found = await Promise.all(
    CHECKS.map(async ([id, check]) => {
      try {
        return await check(ports, fleet);
      } catch (error) {
        const what = `it could not be checked: ${messageOf(error)}`;
        return [
          {
            id,
            level: 'unknown',
            what,
            do: 'fix the problems above it in this list first, then run doctor again',
          } as const,
        ];
      }
    }),
  );
  const askedThrough = await ports.examination.runCommandOn().catch(() => undefined);
  return { run: 'doctor', findings: found.flat(), ...(askedThrough && { askedThrough }) };
}
