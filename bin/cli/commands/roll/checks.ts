import { LAUNCHING, TERMINATING } from '../../../../lambda/core/model/termination.ts';
import type { Group } from '../../aws/auto-scaling.ts';
import type { Refresh } from '../../aws/instance-refreshes.ts';
import { Problem } from '../../problem.ts';
import type { RollOptions } from './options.ts';

/** Processes without which a roll would stand still, until Auto Scaling fails it after an hour. */
const NEEDED = ['InstanceRefresh', 'Launch', 'Terminate'];

/** @throws Problem if builds would be killed, or the roll could not begin or would stand still */
export function checkRollable(group: Group, hooks: readonly string[], refresh: Refresh | undefined): void {
  const { name, suspended } = group;
  if (!hooks.includes(TERMINATING)) {
    throw new Problem(
      `${name} has no terminating lifecycle hook: a roll would kill all builds on its instances`,
      'Deploy the drain hook for this group first: nomad-drain-hook doctor checks it.',
    );
  }
  if (refresh) {
    throw new Problem(
      `an instance refresh of ${name} is under way (${refresh.status}, ${refresh.percent} %)`,
      `Watch it with: nomad-drain-hook roll ${name} --status`,
    );
  }
  const missing = NEEDED.filter((process) => suspended.includes(process));
  if (missing.length > 0) {
    const resume = `aws autoscaling resume-processes --auto-scaling-group-name ${name} --scaling-processes ${missing.join(' ')}`;
    throw new Problem(
      `${name} has ${missing.join(', ')} suspended: the roll would make no progress, and fail after an hour`,
      missing.join() === 'InstanceRefresh' ? `Resume it with: nomad-drain-hook roll ${name} --resume` : resume,
    );
  }
  checkUnits(group);
}

/** @throws Problem if percentages of the desired capacity are no numbers of instances */
function checkUnits({ name, capacityType, instances }: Group): void {
  const isWeighted = instances.some(({ weight }) => weight !== 1);
  if (capacityType === 'units' && !isWeighted) return;
  const counts = capacityType === 'units' ? 'units: its instances have weights' : capacityType;
  throw new Problem(
    `the desired capacity of ${name} is not a number of instances: it counts ${counts}`,
    'Auto Scaling may then replace all at a time. Take instances out one by one: nomad-drain-hook drain <instance> --replace',
  );
}

/** @throws Problem if Auto Scaling would refuse the version, or could not go back */
export function checkVersion({ name, template }: Group, { templateVersion, autoRollback }: RollOptions): void {
  if (!template) {
    throw new Problem(
      `${name} has a launch configuration, no launch template`,
      'Move it to a launch template first: instances have no version to compare.',
    );
  }
  if (templateVersion !== undefined && template.isMixed) {
    throw new Problem(
      `${name} has a mixed instances policy: --template-version cannot change it`,
      'Set the version in the group, then roll without --template-version.',
    );
  }
  const isFixed = [templateVersion, template.version].every(
    (version) => version !== undefined && /^\d+$/.test(version),
  );
  if (!autoRollback || isFixed) return;
  throw new Problem(
    '--auto-rollback needs --template-version, and numbers as versions: Auto Scaling cannot roll back to $Latest or $Default',
    `${name} uses version ${template.version} of ${template.name}.`,
  );
}

/** What makes a roll less safe than it could be. */
export function rollWarnings({ suspended }: Group, hooks: readonly string[]): string[] {
  return [
    ...(hooks.includes(LAUNCHING)
      ? []
      : [
          'no launching hook: a new instance counts as healthy when it runs, before it is a Nomad node. If new clients cannot join, all old ones are replaced anyway. Turn on admitWhenReady.',
        ]),
    ...(suspended.length > 0 ? [`suspended in the group: ${suspended.join(', ')}`] : []),
  ];
}
