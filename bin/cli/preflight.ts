import type { Report } from '../../lambda/core/drain/report.ts';
import { Problem } from './problem.ts';

/**
 * Before an instance is sent on its way: whether the hook would hold and drain it. A hook that is missing lets it die with its
 * builds, and so does a token that does not see them.
 * @throws Problem if something is wrong, or is not known
 */
export function preflight({ warnings, instances }: Pick<Report, 'warnings' | 'instances'>): void {
  const [warning] = warnings;
  if (warning !== undefined) {
    throw new Problem(
      `the drain hook is not in order, so nothing was changed: ${warning}`,
      'Fix that first: nomad-drain-hook doctor suggests how.',
    );
  }
  const unserved = instances.find((instance) => instance.unserved);
  if (unserved) {
    throw new Problem(
      `what runs on ${unserved.instanceId} is not known, so nothing was changed: ${unserved.because}`,
      'Try again when Nomad answers: nomad-drain-hook doctor checks the connection.',
    );
  }
}

/** @throws Problem if the function does not serve the group */
export function checkServed(group: string, { groups = [] }: Pick<Report, 'groups'>): void {
  if (groups.includes(group)) return;
  throw new Problem(`group ${group} is not served by this drain hook`, `It serves ${groups.join(', ')}.`);
}
