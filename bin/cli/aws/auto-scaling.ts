import {
  type AutoScalingClient,
  CompleteLifecycleActionCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeInstanceRefreshesCommand,
  paginateDescribeScalingActivities,
  SetDesiredCapacityCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';

/** An instance, as Auto Scaling has it. */
export interface GroupInstance {
  instanceId: string;
  group: string;
  /** Its lifecycle state, such as `InService`. */
  state: string;
  /** Auto Scaling does not choose it on scale-in. */
  isProtected?: boolean;
  /** How many units of the desired capacity it counts for. @default 1 */
  weight?: number;
}

export interface Group {
  name: string;
  desiredCapacity: number;
  minSize: number;
  terminationPolicies: string[];
  /** What the desired capacity counts: `units` are instances, unless some count for more than one. */
  capacityType: string;
  /** Scaling processes that are suspended, such as `Terminate`. */
  suspended: string[];
  instances: GroupInstance[];
}

/** How many ids DescribeAutoScalingInstances takes per call. */
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
      capacityType: found.DesiredCapacityType ?? 'units',
      suspended: (found.SuspendedProcesses ?? []).map(({ ProcessName = '' }) => ProcessName),
      instances: (found.Instances ?? []).map((each) => ({
        instanceId: each.InstanceId ?? '',
        group: name,
        state: each.LifecycleState ?? '',
        isProtected: each.ProtectedFromScaleIn ?? false,
        weight: Number(each.WeightedCapacity ?? 1),
      })),
    };
  }

  /** Why Auto Scaling has terminated instances of these groups, in its own words, as far as it still says so: for six weeks. */
  async causes(groups: readonly string[]): Promise<Map<string, string>> {
    const causes = new Map<string, string>();
    for (const AutoScalingGroupName of groups) {
      for await (const page of paginateDescribeScalingActivities({ client: this.#client }, { AutoScalingGroupName })) {
        for (const { Description = '', Cause = '' } of page.Activities ?? []) {
          const id = /^(?:Terminating|Moving)[^:]*: (i-[0-9a-f]+)/.exec(Description)?.[1];
          // The newest come first.
          if (id !== undefined && !causes.has(id)) causes.set(id, Cause.replaceAll(/\bAt \S+Z (an? )?/g, '$1').trim());
        }
      }
    }
    return causes;
  }

  /** The status of an instance refresh that is under way, such as `InProgress`; undefined if there is none. */
  async refresh(name: string): Promise<string | undefined> {
    const command = new DescribeInstanceRefreshesCommand({ AutoScalingGroupName: name, MaxRecords: 1 });
    const { InstanceRefreshes: [last] = [] } = await this.#client.send(command);
    return last?.EndTime === undefined ? last?.Status : undefined;
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
