import type { RefreshPreferences } from '@aws-sdk/client-auto-scaling';
import type { InstancePlan } from '../../../../lambda/core/queries/plan/instance.ts';
import { type Group, type GroupInstance, isCounted } from '../../aws/auto-scaling.ts';
import type { RollOptions } from './options.ts';

/** A new instance counts as healthy so long after it is in service, in seconds: its node is ready before, by the launching hook. */
const WARMUP_SECONDS = 60;
const LONGEST_REFRESH_SECONDS = 14 * 86_400;
/** Without progress for so long Auto Scaling fails an instance refresh, in seconds. */
const PATIENCE_SECONDS = 3600;

interface Skipped {
  instanceId: string;
  because: string;
}

/** How long the drains take, in seconds. */
interface DrainTimes {
  /** The longest deadline: no drain takes longer. */
  deadline: number;
  /** How long the longest is expected to take, of those of which that is known. */
  longest: number;
  /** The same if Auto Scaling awaits the drains of a batch before the next one, of the slowest order. */
  oneAfterAnother: number;
  /** Of all of them together. */
  total: number;
  /** Of how many instances it is not known. */
  unknown: number;
}

/** What a roll would do. */
export interface RollPlan {
  group: Group;
  /** Of the launch template, that new instances have; undefined without one. */
  version: string | undefined;
  /** Which instances have that version already is known to Auto Scaling alone: the version is `$Latest` or `$Default`. */
  isVersionOpen: boolean;
  replaced: GroupInstance[];
  /** The effect on each of those, as if it went alone. */
  instances: InstancePlan[];
  skipped: Skipped[];
  /** How many are launched beyond the desired capacity, and so replaced at a time. */
  atOnce: number;
  batches: number;
  /** How many come first; 0 for all at once. */
  canary: number;
  times: DrainTimes;
  /** A drain may take longer than Auto Scaling waits for progress. */
  mayFail: boolean;
  mayExceed14Days: boolean;
  preferences: RefreshPreferences;
}

/** @param plans the effect of terminating each instance of the group */
export function rollPlan(group: Group, plans: readonly InstancePlan[], options: RollOptions): RollPlan {
  const version = options.templateVersion ?? group.template?.version;
  const isVersionOpen = version?.startsWith('$') ?? true;
  const there = group.instances.filter((each) => isCounted(each) || each.state === 'Standby');
  const skipped = there.flatMap((each): Skipped[] => {
    const because = whySkipped(each, group, version, options);
    return because === undefined ? [] : [{ instanceId: each.instanceId, because }];
  });
  const stays = new Set(skipped.map(({ instanceId }) => instanceId));
  const replaced = there.filter(({ instanceId }) => !stays.has(instanceId));
  const ids = new Set(replaced.map(({ instanceId }) => instanceId));
  const instances = plans.filter(({ instanceId }) => ids.has(instanceId));
  const { desiredCapacity } = group;
  const maxHealthy = Math.min(
    200,
    Math.max(options.maxHealthy, Math.ceil((100 * (desiredCapacity + 1)) / desiredCapacity)),
  );
  const atOnce = Math.max(1, Math.floor((desiredCapacity * maxHealthy) / 100) - desiredCapacity);
  const matching = there.filter((each) => isMatching(each, group, version)).length;
  const checkpoint =
    options.canary === false ? 100 : Math.max(1, Math.floor((100 * (matching + options.canary)) / there.length));
  // It is reached with so many new instances, in percent of the group, or more.
  const canary = checkpoint < 100 ? Math.ceil((there.length * checkpoint) / 100) - matching : 0;
  const hasCanary = canary > 0 && canary < replaced.length;
  const batches = Math.ceil(replaced.length / atOnce);
  const times = drainTimes(replaced, instances, atOnce);
  return {
    group,
    version,
    isVersionOpen,
    replaced,
    instances,
    skipped,
    atOnce,
    batches,
    canary: hasCanary ? canary : 0,
    times,
    mayFail: times.deadline > PATIENCE_SECONDS,
    mayExceed14Days: batches * times.deadline > LONGEST_REFRESH_SECONDS,
    preferences: {
      MinHealthyPercentage: 100,
      MaxHealthyPercentage: maxHealthy,
      InstanceWarmup: WARMUP_SECONDS,
      SkipMatching: !(group.template?.byAttributes ?? false),
      ...(hasCanary && { CheckpointPercentages: [checkpoint, 100], CheckpointDelay: options.canaryWait }),
      ...(options.autoRollback && { AutoRollback: true }),
      ScaleInProtectedInstances: PROTECTED[options.protected],
      StandbyInstances: STANDBY[options.standby],
    },
  };
}

const PROTECTED = { ignore: 'Ignore', refresh: 'Refresh', wait: 'Wait' } as const;
const STANDBY = { ignore: 'Ignore', terminate: 'Terminate', wait: 'Wait' } as const;

function whySkipped(
  instance: GroupInstance,
  group: Group,
  version: string | undefined,
  options: RollOptions,
): string | undefined {
  if (isMatching(instance, group, version)) return `has version ${version} already`;
  if (instance.state === 'Standby') return options.standby === 'ignore' ? 'in standby' : undefined;
  return instance.isProtected && options.protected === 'ignore' ? 'protected from scale-in' : undefined;
}

/** SkipMatching skips it. Groups that choose instance types by attributes have no SkipMatching. */
const isMatching = ({ templateVersion }: GroupInstance, { template }: Group, version: string | undefined): boolean =>
  !template?.byAttributes && version !== undefined && templateVersion === version;

/** @param atOnce how many drain at a time if each batch is awaited */
function drainTimes(replaced: readonly GroupInstance[], plans: readonly InstancePlan[], atOnce: number): DrainTimes {
  const known = plans.flatMap((plan) => drainSeconds(plan) ?? []).toSorted((one, other) => other - one);
  const slowest = known.filter((_, index) => index % atOnce === 0);
  return {
    deadline: Math.max(0, ...plans.map(({ deadlineSeconds }) => deadlineSeconds)),
    longest: known[0] ?? 0,
    oneAfterAnother: sum(slowest),
    total: sum(known),
    unknown: replaced.length - known.length,
  };
}

/** How long its drain is expected to take; undefined if that is not known. */
function drainSeconds({ verdict, expectedSeconds, deadlineSeconds }: InstancePlan): number | undefined {
  if (verdict === 'at-once' || verdict === 'moves' || verdict === 'stops') return 0;
  if (verdict === 'nowhere') return deadlineSeconds;
  return expectedSeconds === undefined ? undefined : Math.min(expectedSeconds, deadlineSeconds);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
