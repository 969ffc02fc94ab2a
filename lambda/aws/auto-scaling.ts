import {
  type AutoScalingClient,
  CompleteLifecycleActionCommand,
  type DeletionProtection,
  DescribeAutoScalingInstancesCommand,
  DescribeLifecycleHooksCommand,
  type Instance,
  paginateDescribeAutoScalingGroups,
  paginateDescribeScalingActivities,
  paginateDescribeWarmPool,
  RecordLifecycleActionHeartbeatCommand,
} from '@aws-sdk/client-auto-scaling';
import pMap from 'p-map';
import type { HookConfig } from '../config/config.ts';
import { chunks } from '../core/basics.ts';
import type { EpochMs, RunClock } from '../core/model/clock.ts';
import { LAUNCHING, TERMINATING, type Termination } from '../core/model/termination.ts';
import { forRun } from './client.ts';

/** The lifecycle state of an instance, in Auto Scaling's words. */
export interface InstanceState {
  instanceId: string;
  group: string;
  state: string;
}

/** What Auto Scaling says of a group's hook. */
export type HookFacts =
  /** @param seconds its heartbeat timeout */
  | { is: 'there'; seconds: number }
  | { is: 'no hook' }
  | { is: 'no group' }
  /** A hook of this name, for another transition. */
  | { is: 'other transition'; transition: string };

/** The default heartbeat timeout of a lifecycle hook, in seconds. */
const DEFAULT_HEARTBEAT_TIMEOUT = 3600;
/** DescribeAutoScalingGroups takes at most this many names. */
const GROUPS_PER_CALL = 100;
/** DescribeAutoScalingInstances takes at most this many ids. */
const INSTANCES_PER_CALL = 50;
/** Calls made at once: Auto Scaling throttles by account and region, which others use too. */
const CONCURRENCY = 4;
/** Pages of scaling activities that are searched for the start of a wait: those in progress come first. */
const ACTIVITY_PAGES = 10;
/** A completion has at least this time, in milliseconds, however much the run has used: it is the purpose of the run. */
const COMPLETION_MS = 4_000;

/** Auto Scaling's API, as far as we use it, for the length of one run. */
export class AutoScaling {
  readonly #warm: AutoScalingClient;
  readonly #client: AutoScalingClient;
  readonly #clock: RunClock;
  /** The first termination policy of each group whose members were read. */
  readonly firstPolicies = new Map<string, string>();
  /** The Availability Zone of each instance whose group's members were read. */
  readonly zones = new Map<string, string>();
  /** How each of these groups is protected against its deletion; undefined if Auto Scaling does not say. */
  readonly deletionProtections = new Map<string, DeletionProtection | undefined>();

  constructor(client: AutoScalingClient, clock: RunClock) {
    this.#warm = client;
    this.#client = forRun(client, clock);
    this.#clock = clock;
  }

  /** The states of these instances; those that are in no group any more are absent. */
  async instances(ids: readonly string[]): Promise<InstanceState[]> {
    const pages = await pMap(
      chunks(ids, INSTANCES_PER_CALL),
      (InstanceIds) => this.#client.send(new DescribeAutoScalingInstancesCommand({ InstanceIds })),
      { concurrency: CONCURRENCY },
    );
    return pages
      .flatMap(({ AutoScalingInstances }) => AutoScalingInstances ?? [])
      .map(({ InstanceId, AutoScalingGroupName, LifecycleState }) => ({
        instanceId: InstanceId ?? '',
        group: AutoScalingGroupName ?? '',
        state: LifecycleState ?? '',
      }));
  }

  /**
   * Every instance of these groups, and of their warm pools, which DescribeAutoScalingGroups leaves out, unless only `groups` are wanted.
   * @param failed is called if Auto Scaling does not tell all of some of them
   */
  async members(
    groups: readonly string[],
    failed = (error: unknown, _groups: readonly string[]): void => {
      throw error;
    },
    wanted: 'groups' | 'groups and warm pools' = 'groups and warm pools',
  ): Promise<InstanceState[]> {
    const members = new Map<string, InstanceState>();
    const add = (group: string, instances: Instance[] = []) => {
      for (const { InstanceId: instanceId = '', LifecycleState: state = '', AvailabilityZone } of instances) {
        members.set(instanceId, { instanceId, group, state });
        if (AvailabilityZone) this.zones.set(instanceId, AvailabilityZone);
      }
    };
    const withWarmPool: string[] = [];
    const readGroups = async (AutoScalingGroupNames: string[]) => {
      const input = { AutoScalingGroupNames, MaxRecords: GROUPS_PER_CALL };
      for await (const page of paginateDescribeAutoScalingGroups({ client: this.#client }, input)) {
        for (const group of page.AutoScalingGroups ?? []) {
          const { AutoScalingGroupName: name = '', TerminationPolicies: [first = 'Default'] = [] } = group;
          add(name, group.Instances);
          this.firstPolicies.set(name, first);
          this.deletionProtections.set(name, group.DeletionProtection);
          if (group.WarmPoolConfiguration && wanted !== 'groups') withWarmPool.push(name);
        }
      }
    };
    const readWarmPool = async ([AutoScalingGroupName = '']: string[]) => {
      for await (const pool of paginateDescribeWarmPool({ client: this.#client }, { AutoScalingGroupName })) {
        add(AutoScalingGroupName, pool.Instances);
      }
    };
    const each = (names: string[][], read: (names: string[]) => Promise<void>) =>
      pMap(names, (some) => read(some).catch((error) => failed(error, some)), { concurrency: CONCURRENCY });
    await each(chunks(groups, GROUPS_PER_CALL), readGroups);
    await each(chunks(withWarmPool, 1), readWarmPool);
    return [...members.values()];
  }

  /**
   * When the waits of these instances of one group began: the start of the scaling activity
   * that is still in progress. The launch of an instance names it too, but has ended.
   * @param launching they wait on their way in
   */
  async waitsBegan(group: string, ids: ReadonlySet<string>, launching = false): Promise<Map<string, EpochMs>> {
    const began = new Map<string, EpochMs>();
    let pages = 0;
    for await (const page of paginateDescribeScalingActivities(
      { client: this.#client },
      { AutoScalingGroupName: group },
    )) {
      for (const { Description, StartTime, EndTime } of page.Activities ?? []) {
        if (EndTime || Description?.startsWith('Launching') !== launching) continue;
        const id = Description?.match(/i-[0-9a-f]{8,17}/)?.[0];
        if (id && ids.has(id) && StartTime && !began.has(id)) began.set(id, StartTime.getTime());
      }
      if (began.size === ids.size || ++pages === ACTIVITY_PAGES) break;
    }
    return began;
  }

  /**
   * Whether a group has its hook, and the hook's heartbeat timeout.
   * @throws Error if Auto Scaling does not say
   */
  async hook({ name, hook, launching }: HookConfig): Promise<HookFacts> {
    try {
      const command = new DescribeLifecycleHooksCommand({ AutoScalingGroupName: name, LifecycleHookNames: [hook] });
      const { LifecycleHooks } = await this.#client.send(command);
      const found = LifecycleHooks?.find(({ LifecycleHookName }) => LifecycleHookName === hook);
      if (!found) return { is: 'no hook' };
      const { LifecycleTransition: transition = TERMINATING, HeartbeatTimeout = DEFAULT_HEARTBEAT_TIMEOUT } = found;
      return transition === (launching ? LAUNCHING : TERMINATING)
        ? { is: 'there', seconds: HeartbeatTimeout }
        : { is: 'other transition', transition };
    } catch (error) {
      // "AutoScalingGroup name not found - AutoScalingGroup 'x' not found"
      const { name: code, message } = error as Error;
      if (code === 'ValidationError' && message.includes('AutoScalingGroup name not found')) return { is: 'no group' };
      throw error;
    }
  }

  /**
   * Completes the lifecycle action, which releases the instance.
   * @returns false if there is none to complete: it was completed before, by us or by the hook's timeout
   */
  async complete(termination: Termination, result: 'CONTINUE' | 'ABANDON'): Promise<boolean> {
    const { instanceId, group, hook } = termination;
    const client = forRun(this.#warm, this.#clock.atLeast(COMPLETION_MS));
    const order = new CompleteLifecycleActionCommand({
      AutoScalingGroupName: group,
      LifecycleHookName: hook,
      LifecycleActionResult: result,
      InstanceId: instanceId,
    });
    return unlessInactive(client.send(order));
  }

  /** Restarts the hook's heartbeat timeout. @returns false if nothing waits for our hook */
  async heartbeat({ instanceId, group, hook }: Pick<Termination, 'instanceId' | 'group' | 'hook'>): Promise<boolean> {
    const command = new RecordLifecycleActionHeartbeatCommand({
      AutoScalingGroupName: group,
      LifecycleHookName: hook,
      InstanceId: instanceId,
    });
    return unlessInactive(this.#client.send(command));
  }
}

/** An instance that waits for a lifecycle hook runs, and so does its Nomad client; in a warm pool it may be stopped. */
export const waits = ({ state }: InstanceState): boolean => state === 'Terminating' || state.endsWith(':Wait');

/** Whether an order was carried out; false if there is no lifecycle action for it. */
async function unlessInactive(sent: Promise<unknown>): Promise<boolean> {
  try {
    await sent;
    return true;
  } catch (error) {
    if ((error as Error).message?.includes('No active Lifecycle Action found')) return false;
    throw error;
  }
}
