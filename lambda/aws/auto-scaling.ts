import {
  type AutoScalingClient,
  CompleteLifecycleActionCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeLifecycleHooksCommand,
  type Instance,
  paginateDescribeAutoScalingGroups,
  paginateDescribeScalingActivities,
  paginateDescribeWarmPool,
  RecordLifecycleActionHeartbeatCommand,
} from '@aws-sdk/client-auto-scaling';
import type { Clock } from '../clock.ts';
import type { GroupConfig } from '../config.ts';
import type { Termination } from '../termination.ts';

/** Where an instance stands, in Auto Scaling's words. */
export interface InstanceState {
  instanceId: string;
  group: string;
  state: string;
}

/** The default heartbeat timeout of a lifecycle hook, in seconds, for a hook that cannot be read. */
const DEFAULT_HEARTBEAT_TIMEOUT = 3600;
/** The SDK's own three tries take 20 ms; a contended group stays contended for seconds. */
const CONTENDED = [
  'Throttling',
  'ThrottlingException',
  'RequestLimitExceeded',
  'ResourceContention',
  'ResourceContentionFault',
];
const ATTEMPTS = 5;
/** Scaling activities looked through for the start of a wait: those in progress come first. */
const ACTIVITY_PAGES = 10;

/** The questions and orders that we have for Auto Scaling. */
export class AutoScaling {
  readonly #client: AutoScalingClient;
  readonly #clock: Clock;

  constructor(client: AutoScalingClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** The states of these instances; those that are in no group any more are absent. At most 50 ids a call, says AWS. */
  async instances(ids: readonly string[]): Promise<InstanceState[]> {
    const states: InstanceState[] = [];
    for (let start = 0; start < ids.length; start += 50) {
      const command = new DescribeAutoScalingInstancesCommand({ InstanceIds: ids.slice(start, start + 50) });
      const { AutoScalingInstances } = await this.#patiently(() => this.#client.send(command));
      for (const { InstanceId, AutoScalingGroupName, LifecycleState } of AutoScalingInstances ?? []) {
        states.push({ instanceId: InstanceId ?? '', group: AutoScalingGroupName ?? '', state: LifecycleState ?? '' });
      }
    }
    return states;
  }

  /** Every instance of these groups, and of their warm pools, which DescribeAutoScalingGroups passes over. */
  async members(groups: readonly string[]): Promise<InstanceState[]> {
    const input = { AutoScalingGroupNames: [...groups], MaxRecords: 100 };
    return this.#patiently(async () => {
      const members = new Map<string, InstanceState>();
      const add = (group = '', instances: Instance[] = []) => {
        for (const { InstanceId: instanceId = '', LifecycleState: state = '' } of instances) {
          members.set(instanceId, { instanceId, group, state });
        }
      };
      for await (const page of paginateDescribeAutoScalingGroups({ client: this.#client }, input)) {
        for (const { AutoScalingGroupName, Instances, WarmPoolConfiguration } of page.AutoScalingGroups ?? []) {
          add(AutoScalingGroupName, Instances);
          if (!WarmPoolConfiguration) continue;
          for await (const pool of paginateDescribeWarmPool({ client: this.#client }, { AutoScalingGroupName })) {
            add(AutoScalingGroupName, pool.Instances);
          }
        }
      }
      return [...members.values()];
    });
  }

  /**
   * When the waits of these instances of one group began, milliseconds since the epoch: the start of the scaling activity
   * that is still under way. The launch of an instance names it too, but is over.
   */
  async waitsBegan(group: string, ids: ReadonlySet<string>): Promise<Map<string, number>> {
    const began = new Map<string, number>();
    let pages = 0;
    for await (const page of paginateDescribeScalingActivities(
      { client: this.#client },
      { AutoScalingGroupName: group },
    )) {
      for (const { Description, StartTime, EndTime } of page.Activities ?? []) {
        if (EndTime || Description?.startsWith('Launching')) continue;
        const id = Description?.match(/i-[0-9a-f]{8,17}/)?.[0];
        if (id && ids.has(id) && StartTime && !began.has(id)) began.set(id, StartTime.getTime());
      }
      if (began.size === ids.size || ++pages === ACTIVITY_PAGES) break;
    }
    return began;
  }

  /** The heartbeat timeout of a group's hook, in seconds. */
  async heartbeatTimeoutSeconds({ name, hook }: GroupConfig): Promise<number> {
    const command = new DescribeLifecycleHooksCommand({ AutoScalingGroupName: name, LifecycleHookNames: [hook] });
    const { LifecycleHooks } = await this.#patiently(() => this.#client.send(command));
    const found = LifecycleHooks?.find(({ LifecycleHookName }) => LifecycleHookName === hook);
    if (!found) throw new Error(`group ${name} has no lifecycle hook ${hook}`);
    return found.HeartbeatTimeout ?? DEFAULT_HEARTBEAT_TIMEOUT;
  }

  /**
   * Completes the lifecycle action, which lets the instance go.
   * @returns false where there is none to complete: it was completed before, by us or by the hook's timeout
   */
  async complete(termination: Termination, result: 'CONTINUE' | 'ABANDON'): Promise<boolean> {
    const { instanceId, group, hook, token } = termination;
    const order = (withToken: boolean) =>
      this.#unlessInactive(
        new CompleteLifecycleActionCommand({
          AutoScalingGroupName: group,
          LifecycleHookName: hook,
          LifecycleActionResult: result,
          InstanceId: instanceId,
          ...(withToken && token && { LifecycleActionToken: token }),
        }),
      );
    // A token that an earlier life of the instance left behind matches nothing: its id alone does.
    return (await order(true)) || (token !== undefined && (await order(false)));
  }

  /** Starts the hook's heartbeat timeout anew. @returns false where nothing waits for our hook */
  async heartbeat({ instanceId, group, hook }: Termination): Promise<boolean> {
    return this.#unlessInactive(
      new RecordLifecycleActionHeartbeatCommand({
        AutoScalingGroupName: group,
        LifecycleHookName: hook,
        InstanceId: instanceId,
      }),
    );
  }

  async #unlessInactive(
    command: CompleteLifecycleActionCommand | RecordLifecycleActionHeartbeatCommand,
  ): Promise<boolean> {
    try {
      await this.#patiently<unknown>(() =>
        command instanceof CompleteLifecycleActionCommand ? this.#client.send(command) : this.#client.send(command),
      );
      return true;
    } catch (error) {
      if ((error as Error).message?.includes('No active Lifecycle Action found')) return false;
      throw error;
    }
  }

  async #patiently<T>(send: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await send();
      } catch (error) {
        if (attempt === ATTEMPTS || !CONTENDED.includes((error as Error).name)) throw error;
        await this.#clock.sleep(250 * 2 ** attempt * (0.5 + Math.random()));
      }
    }
  }
}
