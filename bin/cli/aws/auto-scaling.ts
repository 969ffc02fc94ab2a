import {
  type AutoScalingClient,
  CompleteLifecycleActionCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  SetDesiredCapacityCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';

/** An instance, as Auto Scaling has it. */
export interface GroupInstance {
  instanceId: string;
  group: string;
  /** Its lifecycle state, such as `InService`. */
  state: string;
}

export interface Group {
  name: string;
  desiredCapacity: number;
  minSize: number;
  terminationPolicies: string[];
  instances: GroupInstance[];
}

/** DescribeAutoScalingInstances takes so many ids a call. */
const IDS_PER_CALL = 50;

/** Auto Scaling, asked and told with the operator's own credentials: its audit log names a person. */
export class AutoScaling {
  readonly #client: AutoScalingClient;

  constructor(client: AutoScalingClient) {
    this.#client = client;
  }

  /** Those of these instances that are in a group. */
  async instances(instanceIds: readonly string[], signal?: AbortSignal): Promise<GroupInstance[]> {
    const found: GroupInstance[] = [];
    for (let from = 0; from < instanceIds.length; from += IDS_PER_CALL) {
      const command = new DescribeAutoScalingInstancesCommand({
        InstanceIds: instanceIds.slice(from, from + IDS_PER_CALL),
      });
      const { AutoScalingInstances = [] } = await this.#client.send(command, options(signal));
      for (const {
        InstanceId = '',
        AutoScalingGroupName: group = '',
        LifecycleState: state = '',
      } of AutoScalingInstances) {
        found.push({ instanceId: InstanceId, group, state });
      }
    }
    return found;
  }

  /** A group; undefined if there is none of this name. */
  async group(name: string, signal?: AbortSignal): Promise<Group | undefined> {
    const command = new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] });
    const { AutoScalingGroups: [found] = [] } = await this.#client.send(command, options(signal));
    if (!found) return undefined;
    return {
      name,
      desiredCapacity: found.DesiredCapacity ?? 0,
      minSize: found.MinSize ?? 0,
      terminationPolicies: found.TerminationPolicies ?? [],
      instances: (found.Instances ?? []).map(({ InstanceId = '', LifecycleState: state = '' }) => ({
        instanceId: InstanceId,
        group: name,
        state,
      })),
    };
  }

  /** Takes an instance out of its group: its lifecycle hooks run first. */
  async terminate(instanceId: string, { replace }: { replace: boolean }): Promise<void> {
    const command = { InstanceId: instanceId, ShouldDecrementDesiredCapacity: !replace };
    await this.#client.send(new TerminateInstanceInAutoScalingGroupCommand(command));
  }

  async setDesiredCapacity(group: string, DesiredCapacity: number): Promise<void> {
    await this.#client.send(new SetDesiredCapacityCommand({ AutoScalingGroupName: group, DesiredCapacity }));
  }

  /** Ends the wait of an instance at a hook: it is terminated, whatever runs on it. */
  async complete({ instanceId, group, hook }: { instanceId: string; group: string; hook: string }): Promise<void> {
    const command = { InstanceId: instanceId, AutoScalingGroupName: group, LifecycleHookName: hook };
    await this.#client.send(new CompleteLifecycleActionCommand({ ...command, LifecycleActionResult: 'CONTINUE' }));
  }
}

const options = (signal: AbortSignal | undefined) => (signal ? { abortSignal: signal } : {});
