import type { EC2Client } from '@aws-sdk/client-ec2';
import pMap from 'p-map';
import { type GroupConfig, hookKey, hooksOf, launchHookOf } from '../../config/config.ts';
import { messageOf } from '../../core/basics.ts';
import { globalCapSeconds } from '../../core/decide/deadlines.ts';
import type { Clock, EpochMs } from '../../core/model/clock.ts';
import { isGoing, isHeld, isHeldAtLaunch, type Launch, type Termination } from '../../core/model/termination.ts';
import type { Logger } from '../../core/ports.ts';
import type { AutoScaling, InstanceState } from '../auto-scaling.ts';
import { describeInstances, type InstanceFacts } from '../ec2.ts';
import type { Hooks } from './lifecycle-hooks.ts';
import type { WaitMemory } from './wait-memory.ts';

/** Hooks read at once. */
const CONCURRENCY = 8;

export interface DescribeOptions {
  autoScaling: AutoScaling;
  ec2: EC2Client;
  clock: Clock;
  logger: Logger;
  groups: readonly GroupConfig[];
  hooks: Hooks;
  memory: WaitMemory;
}

/** When a wait began, and what says so. */
export interface Began {
  at: EpochMs;
  by: 'event' | 'activity';
}

/** What EC2 says of these instances. Never throws: what it does not say is left out. */
export function factsOf(
  { ec2, logger }: Pick<DescribeOptions, 'ec2' | 'logger'>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, InstanceFacts>> {
  return describeInstances(ec2, ids, (error) => {
    logger.warn('EC2 does not answer about the instances', { because: messageOf(error) });
  });
}

/** An instance and where it waits. */
export interface Waiting extends InstanceState {
  /** On its way in: for our launching hook. */
  launching?: boolean;
}

/**
 * Adds to the states of instances what EC2 and the hooks say. What EC2 does not say is left out, and is then unknown.
 *
 * @param since when waits began, by instance id, if that was found
 * @param said what EC2 says of them, if it has just been asked
 */
export async function describeWaiting(
  options: DescribeOptions,
  states: readonly Waiting[],
  since: ReadonlyMap<string, Began>,
  said?: ReadonlyMap<string, InstanceFacts>,
): Promise<Termination[]> {
  const { clock, groups, hooks, memory } = options;
  const ids = states.map(({ instanceId }) => instanceId);
  const facts = said ?? (await factsOf(options, ids));
  const timeouts = new Map<string, number>();
  const present = groups
    .flatMap(hooksOf)
    .filter(({ name, launching = false }) =>
      states.some((each) => each.group === name && !!each.launching === launching),
    );
  await pMap(present, async (hook) => timeouts.set(hookKey(hook.name, hook.hook), await hooks.of(hook)), {
    concurrency: CONCURRENCY,
  });

  const now = clock.now();
  return states.flatMap(({ instanceId, group: name, state, launching }): Termination[] => {
    const group = groups.find((each) => each.name === name);
    const hook = group && (launching ? launchHookOf(group) : group)?.hook;
    const heartbeatTimeoutSeconds = hook === undefined ? undefined : timeouts.get(hookKey(name, hook));
    if (!group || hook === undefined || heartbeatTimeoutSeconds === undefined) return [];
    const { ec2: running = 'unknown', ...found }: Partial<InstanceFacts> = facts.get(instanceId) ?? {};
    const began = since.get(instanceId);
    // Auto Scaling holds no instance longer than its cap: an older date (an event replayed by hand) is of another wait.
    const isOfThisWait = began !== undefined && began.at > now - globalCapSeconds(heartbeatTimeoutSeconds) * 1000;
    const { seenSince = now } = memory.of(instanceId);
    const termination: Termination = {
      instanceId,
      group: group.name,
      hook,
      state,
      held: launching ? isHeldAtLaunch(state) : isHeld(state),
      ...(launching && { launch: launchOf(state, group) }),
      policy: group.policy,
      heartbeatTimeoutSeconds,
      ec2: running,
      ...found,
      seenSince,
      ...(memory.isCompleted({ instanceId, state }) && { completed: true as const }),
      ...(isOfThisWait && { since: began.at, sinceIs: began.by }),
    };
    if (termination.held || isGoing(state)) memory.note(instanceId, { termination, seenSince });
    return [termination];
  });
}

const launchOf = (state: string, { admission }: GroupConfig): Launch => ({
  into: state.startsWith('Warmed:') ? 'warm pool' : 'service',
  admission,
});
