import { messageOf } from '../../basics.ts';
import type { AnswerPorts } from '../ports.ts';
import { checkGroups } from './check-groups.ts';
import { checkNodes } from './check-nodes.ts';
import { checkCertificates, checkNomad, checkToken } from './check-nomad.ts';
import { checkRunCommand, checkSweep, checkVersion, checkWhoGoes } from './check-setup.ts';
import type { Finding, FindingId } from './finding.ts';

/** What the function finds when it looks at its surroundings, in the order in which to mend it. */
export interface DoctorAnswer {
  run: 'doctor';
  findings: Finding[];
  /** The instances that may be asked for Nomad, where that is the way: who may read SSM's inventory sees whether they can. */
  askedThrough?: string[];
}

type Check = (ports: AnswerPorts) => Promise<Finding[]>;

const CHECKS: readonly (readonly [FindingId, Check])[] = [
  ['version', checkVersion],
  ['nomad', checkNomad],
  ['certificate', checkCertificates],
  ['token', checkToken],
  ['hook', checkGroups],
  ['nodes', checkNodes],
  ['sweep', checkSweep],
  ['who-goes', checkWhoGoes],
  ['run-command', checkRunCommand],
];

/** Never throws because of what it looks at: what cannot be asked is a finding too. */
export async function doctor(ports: AnswerPorts): Promise<DoctorAnswer> {
  const found = await Promise.all(
    CHECKS.map(async ([id, check]) => {
      try {
        return await check(ports);
      } catch (error) {
        const what = `it could not be asked: ${messageOf(error)}`;
        return [
          { id, level: 'unknown', what, do: 'mend what is wrong before it in this list, and look again' } as const,
        ];
      }
    }),
  );
  const askedThrough = await ports.examination.runCommandOn().catch(() => undefined);
  return { run: 'doctor', findings: found.flat(), ...(askedThrough && { askedThrough }) };
}
