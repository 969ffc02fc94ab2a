import type { Group, GroupInstance } from '../../aws/auto-scaling.ts';
import type { InstanceRefreshes, Refresh } from '../../aws/instance-refreshes.ts';
import { confirmAndApply } from '../../confirm-and-apply.ts';
import { consent } from '../../consent.ts';
import type { Context } from '../../context.ts';
import { EXIT, type ExitCode } from '../../exit-code.ts';
import { Problem } from '../../problem.ts';
import { wrap } from '../../terminal/layout.ts';
import type { Control, RollOptions } from './options.ts';
import type { Before } from './seen.ts';
import { watchRoll } from './watch-roll.ts';

/** Something that is done with a roll that is under way. */
interface Step {
  question: (group: string) => string;
  /** What it means, before the question. */
  about: string;
  make: (refreshes: InstanceRefreshes, group: string) => Promise<void>;
  done: (group: string) => string;
}

const STEPS: Record<Exclude<Control, 'status'>, Step> = {
  pause: {
    question: (group) => `Pause the roll of ${group}?`,
    about:
      'Nothing more is launched or terminated for it; what drains already goes on. AWS does not say whether its hour without progress goes on too: if so the roll fails, and roll goes on where it was.',
    make: (refreshes, group) => refreshes.pause(group),
    done: (group) => `The roll of ${group} is paused. To go on: nomad-drain-hook roll ${group} --resume`,
  },
  resume: {
    question: (group) => `Resume instance refreshes of ${group}?`,
    about: 'Auto Scaling goes on with what it has yet to replace.',
    make: (refreshes, group) => refreshes.resume(group),
    done: (group) => `Instance refreshes of ${group} go on. Watch with: nomad-drain-hook roll ${group} --status`,
  },
  cancel: {
    question: (group) => `Cancel the roll of ${group}?`,
    about:
      'Nothing more is replaced. What is replaced stays so, and what launches or drains now does so to its end: to keep an instance that drains is not possible any more.',
    make: (refreshes, group) => refreshes.cancel(group),
    done: (group) => `The roll of ${group} is being cancelled. Watch with: nomad-drain-hook roll ${group} --status`,
  },
  rollback: {
    question: (group) => `Roll ${group} back?`,
    about: 'The new instances are drained and replaced by ones of the version before.',
    make: (refreshes, group) => refreshes.rollBack(group),
    done: (group) => `The roll of ${group} is being rolled back. Watch with: nomad-drain-hook roll ${group} --status`,
  },
};

/** Shows or changes the roll of a group. @throws Problem if there is none */
export async function controlRoll(
  context: Context,
  group: Group,
  control: Control,
  options: RollOptions,
): Promise<ExitCode> {
  const { refreshes } = context.account;
  const { name } = group;
  const last = await refreshes.last(name);
  if (control === 'status') {
    if (!last) throw new Problem(`${name} was not rolled in six weeks`, `To roll it: nomad-drain-hook roll ${name}`);
    return watchRoll(context, name, sidesOf(group, last), { ...options, answer: { group: name } });
  }
  if (control !== 'resume') checkActive(name, last);
  if (control === 'resume' && !group.suspended.includes('InstanceRefresh')) {
    throw new Problem(`instance refreshes of ${name} are not paused`, `See: nomad-drain-hook roll ${name} --status`);
  }
  if (control === 'rollback') checkReversible(group, last);
  const { question, about, make, done } = STEPS[control];
  context.explain({ about }, (given, { columns }) => wrap(given.about, columns));
  await confirmAndApply(
    context,
    {
      answer: { group: name, [control]: true, refresh: last },
      agree: (yes) => consent(context, question(name), yes),
      make: () => make(refreshes, name),
      done: done(name),
    },
    options,
  );
  return EXIT.ok;
}

function checkActive(group: string, last: Refresh | undefined): asserts last is Refresh {
  if (last && last.endedAt === undefined) return;
  const how = last ? `: the last one has ended (${last.status})` : '';
  throw new Problem(`no roll of ${group} is under way${how}`, `To roll it: nomad-drain-hook roll ${group}`);
}

/** @throws Problem if Auto Scaling would refuse: it goes back only from a version that was given to one of the group that is a number */
function checkReversible({ name, template }: Group, last: Refresh | undefined): void {
  const versions = [last?.desiredVersion, template?.version];
  if (versions.every((version) => version !== undefined && /^\d+$/.test(version))) return;
  throw new Problem(
    `the roll of ${name} cannot be rolled back: it was started without --template-version, or with $Latest or $Default`,
    `Cancel it (--cancel), set the version before in the group, and roll again.`,
  );
}

/** Which instances are old and which are new, of a roll that was not started here: by the versions of the launch template. */
function sidesOf({ instances, template }: Group, { desiredVersion, status, percent, preferences }: Refresh): Before {
  const wanted = status.startsWith('Rollback') ? template?.version : (desiredVersion ?? template?.version);
  const newest = Math.max(...instances.map(({ templateVersion }) => Number(templateVersion ?? 0)));
  const version = wanted?.startsWith('$') ? String(newest) : wanted;
  const { ScaleInProtectedInstances, StandbyInstances } = preferences;
  const isIgnored = ({ isProtected, state }: GroupInstance) =>
    (isProtected && ScaleInProtectedInstances === 'Ignore') || (state === 'Standby' && StandbyInstances === 'Ignore');
  const different = instances.filter(({ templateVersion }) => templateVersion !== version);
  // Without versions that differ nothing tells them apart.
  const all = different.length === 0 && percent === 0 ? instances : different;
  const idsOf = (some: readonly GroupInstance[]) => some.map(({ instanceId }) => instanceId);
  return { old: idsOf(all.filter((each) => !isIgnored(each))), others: idsOf(all.filter(isIgnored)) };
}
