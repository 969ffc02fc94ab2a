import pMap from 'p-map';
import { type GroupConfig, launchHookOf } from '../../config/config.ts';
import { messageOf } from '../../core/basics.ts';
import type { EpochMs } from '../../core/model/clock.ts';
import {
  isComing,
  isGoing,
  isHeld,
  isHeldAtLaunch,
  isRetained,
  type LifecycleEvent,
  type Termination,
} from '../../core/model/termination.ts';
import { type RetainedInstance, UNKNOWN } from '../../core/ports.ts';
import type { InstanceState } from '../auto-scaling.ts';
import { type Began, type DescribeOptions, describeWaiting, factsOf, type Waiting } from './describe-terminations.ts';

/** Finds the instances that wait now. @throws Error if Auto Scaling does not say */
export type FindWaiting = () => Promise<FoundTerminations>;

export interface FoundTerminations {
  waiting: Termination[];
  /** Instances that Auto Scaling retains until you terminate them to look at. */
  retained?: RetainedInstance[];
  /** The instances in service. */
  inService?: readonly InstanceState[];
  /** What else could not be found out, and has to be; each in a sentence. */
  problems?: string[];
  /** The groups whose waiting instances are not known now. */
  unread?: ReadonlyMap<string, string>;
}

/** Finds, among the members of the groups, those whose maintenance is near. */
export type FindMaintenance = (
  members: readonly InstanceState[],
) => Promise<{ waiting: Termination[]; problems: string[] }>;

/** Beyond that age the time of an event is held against its scaling activity, in milliseconds: it may have been sent again. */
const RECENT_MS = 120_000;
/** How often a state that lags behind its event is read again, in milliseconds. */
const REREAD_MS = 1_000;
/** Groups whose activities are read at once. */
const CONCURRENCY = 8;

/** What else is found out together with the waiting instances. */
interface AlsoFound {
  /** Finds, of the groups' members, those whose maintenance is near; undefined where that is not acted on. */
  maintenance: FindMaintenance | undefined;
  /** Groups that should ask a function which instance goes are reported if they do not. */
  shouldAsk: boolean;
  /** No heartbeat is sent. */
  dryRun: boolean;
}

/** Every instance of the configured groups that waits for our hook, and those whose maintenance is near: for the sweep. */
export function everyWaiting(options: DescribeOptions, { maintenance, shouldAsk, dryRun }: AlsoFound): FindWaiting {
  const { autoScaling, groups, logger, memory } = options;
  /** When waits began, if found. It does not change, so each is looked up once a run. */
  const since = new Map<string, Began>();
  return async () => {
    const unread = new Map<string, string>();
    const members = await autoScaling.members(
      groups.map(({ name }) => name),
      (error, names) => {
        for (const name of names) unread.set(name, messageOf(error));
        if (unread.size === groups.length) throw error;
      },
    );
    const held = await withLaunches(options, members, dryRun);
    memory.keepOnly(new Set(held.map(({ instanceId }) => instanceId)), unread);
    const date = async ({ name }: GroupConfig) => {
      const undated = held.filter(({ group, instanceId }) => group === name && !since.has(instanceId));
      try {
        for (const launching of [false, true]) {
          const ids = undated
            .filter((each) => launching === (each.launching ?? false))
            .map(({ instanceId }) => instanceId);
          if (ids.length === 0) continue;
          const began = await autoScaling.waitsBegan(name, new Set(ids), launching);
          for (const [instanceId, at] of began) since.set(instanceId, { at, by: 'activity' });
        }
      } catch (error) {
        const because = messageOf(error);
        logger.warn('scaling activities cannot be read: it is not known when waits began', { group: name, because });
      }
    };
    await pMap(groups, date, { concurrency: CONCURRENCY });
    const waiting = await describeWaiting(options, held, since);
    const inService = members.filter(({ state }) => state === 'InService');
    const retained = members.filter(({ state }) => isRetained(state));
    const noticed = (await maintenance?.(members)) ?? { waiting: [], problems: [] };
    const unknown = [...unread].map(
      ([group, because]) => `Auto Scaling does not list the waiting instances of group ${group}: ${because}`,
    );
    const problems = [
      ...unknown,
      ...noticed.problems,
      ...(shouldAsk ? silentGroups(groups, autoScaling.firstPolicies) : []),
    ];
    return { waiting: [...waiting, ...noticed.waiting], retained, inService, problems, unread };
  };
}

/**
 * The members that wait for our hooks. Those that are launched into a warm pool wait in the same state as those that return to it: only a
 * heartbeat tells which hook it is; in a dry run it is as a run before has seen it, or as one that returns.
 */
async function withLaunches(
  { autoScaling, groups, memory }: DescribeOptions,
  members: readonly InstanceState[],
  dryRun: boolean,
): Promise<Waiting[]> {
  const hooks = new Map(groups.flatMap((group) => launchHookOf(group) ?? []).map((hook) => [hook.name, hook]));
  const waiting: Waiting[] = [];
  for (const each of members) {
    const { instanceId, group, state } = each;
    const hook = hooks.get(group)?.hook;
    if (hook === undefined || !isHeldAtLaunch(state)) {
      if (isHeld(state)) waiting.push(each);
      continue;
    }
    // What Auto Scaling does not say now it says in a later pass.
    const isOurs = () =>
      dryRun
        ? memory.of(instanceId).termination?.launch !== undefined
        : autoScaling.heartbeat({ instanceId, group, hook }).catch(() => false);
    waiting.push({ ...each, launching: !isHeld(state) || (await isOurs()) });
  }
  return waiting;
}

/** Of each group that should ask a function which instance goes, and does not. */
export const silentGroups = (groups: readonly GroupConfig[], firstPolicies: ReadonlyMap<string, string>): string[] =>
  [...firstPolicies]
    .filter(
      ([name, policy]) => !policy.startsWith('arn:') && groups.some((each) => each.name === name && each.chooses.on),
    )
    .map(
      ([group, policy]) =>
        `group ${group} does not ask which instance goes: its first termination policy is ${policy}; ` +
        'the command that sets the function is in the outputs of the stack',
    );

/**
 * The one instance of a lifecycle event, once Auto Scaling itself says that it leaves service.
 *
 * @param until how long to read its state again while Auto Scaling does not say so yet
 */
export function waitingOfEvent(options: DescribeOptions, event: LifecycleEvent, until: EpochMs): FindWaiting {
  const { autoScaling, clock, logger, memory } = options;
  const { instanceId, group, launching = false } = event;
  memory.begin(instanceId);
  return async () => {
    // Asked at the same time: what EC2 says does not depend on what Auto Scaling says.
    const said = factsOf(options, [instanceId]);
    for (;;) {
      const [state] = await autoScaling.instances([instanceId]).finally(() => said);
      const mine = state?.group === group ? state : undefined;
      const waits = launching ? isHeldAtLaunch(mine?.state) : isHeld(mine?.state) || isGoing(mine?.state);
      if (mine && waits) {
        const began = await beganBy(options, event, clock.now());
        const since = new Map(began === undefined ? [] : [[instanceId, began]]);
        return { waiting: await describeWaiting(options, [{ ...mine, launching }], since, await said) };
      }
      const mayLag = mine?.state === 'InService' || (launching && isComing(mine?.state));
      if (!mayLag || clock.now() + REREAD_MS > until) {
        const because = `Auto Scaling says ${mine?.state ?? 'that it is in no group'}`;
        logger.info('the instance does not wait for our hook', { instanceId, nodeId: UNKNOWN, group, because });
        return { waiting: [] };
      }
      await clock.sleep(REREAD_MS);
    }
  };
}

/**
 * When a wait began, by its event: an event that is not from just now may be of an earlier wait, or sent again. Then it counts if it is not
 * older than the activity that is under way; undefined if unknown.
 */
async function beganBy(
  { autoScaling, logger }: DescribeOptions,
  { instanceId, group, launching, time = Number.NEGATIVE_INFINITY }: LifecycleEvent,
  now: number,
): Promise<Began | undefined> {
  const isPast = time <= now;
  if (isPast && now - time < RECENT_MS) return { at: time, by: 'event' };
  try {
    const began = (await autoScaling.waitsBegan(group, new Set([instanceId]), launching)).get(instanceId);
    if (began === undefined) return undefined;
    return isPast && time >= began ? { at: time, by: 'event' } : { at: began, by: 'activity' };
  } catch (error) {
    const because = messageOf(error);
    logger.warn('scaling activities cannot be read: it is not known when the wait began', {
      instanceId,
      nodeId: UNKNOWN,
      group,
      because,
    });
    return undefined;
  }
}

/** One instance as if it had to be terminated, for a dry run. */
export function asIfWaiting(options: DescribeOptions, instanceId: string): FindWaiting {
  const { autoScaling, clock } = options;
  return async () => {
    const [state] = await autoScaling.instances([instanceId]);
    if (!state) return { waiting: [] };
    const waiting = await describeWaiting(
      options,
      [state],
      new Map([[instanceId, { at: clock.now(), by: 'event' as const }]]),
    );
    return { waiting: waiting.map((each) => ({ ...each, held: true })) };
  };
}
