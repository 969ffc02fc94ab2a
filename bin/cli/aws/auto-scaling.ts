import {
  type AutoScalingClient,
  type AutoScalingGroup,
  CompleteLifecycleActionCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  DescribeLifecycleHooksCommand,
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
  /** The version of the launch template that it was launched with, if it was. */
  templateVersion?: string;
}

/** The launch template of a group. */
export interface GroupTemplate {
  id: string;
  name: string;
  /** A number, `$Latest` or `$Default`. */
  version: string;
  /** It is part of a mixed instances policy. */
  isMixed: boolean;
  /** Instance types are chosen by attributes. */
  byAttributes: boolean;
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
  /** Absent for a group with a launch configuration. */
  template?: GroupTemplate;
  instances: GroupInstance[];
}

/** The states of an instance that counts toward the desired capacity of its group. */
const COUNTED = /^(Pending|InService|ReplacingRootVolume|RootVolumeReplaced)/;
export const isCounted = ({ state }: GroupInstance): boolean => COUNTED.test(state);

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
    const template = templateOf(found);
    return {
      name,
      ...(template && { template }),
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
        ...(each.LaunchTemplate?.Version && { templateVersion: each.LaunchTemplate.Version }),
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

  /** The transitions that lifecycle hooks of a group hold, such as `autoscaling:EC2_INSTANCE_TERMINATING`. */
  async hookTransitions(name: string): Promise<string[]> {
    const command = new DescribeLifecycleHooksCommand({ AutoScalingGroupName: name });
    const { LifecycleHooks = [] } = await this.#client.send(command);
    return LifecycleHooks.map(({ LifecycleTransition = '' }) => LifecycleTransition);
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

function templateOf({ LaunchTemplate, MixedInstancesPolicy }: AutoScalingGroup): GroupTemplate | undefined {
  const mixed = MixedInstancesPolicy?.LaunchTemplate;
  const its = LaunchTemplate ?? mixed?.LaunchTemplateSpecification;
  if (!its) return undefined;
  return {
    id: its.LaunchTemplateId ?? '',
    name: its.LaunchTemplateName ?? '',
    // "If you don't specify a version, the default version is used", says LaunchTemplateSpecification.
    version: its.Version ?? '$Default',
    isMixed: mixed !== undefined,
    byAttributes: mixed?.Overrides?.some(({ InstanceRequirements }) => InstanceRequirements !== undefined) ?? false,
  };
}

const options = (signal: AbortSignal | undefined) => (signal ? { abortSignal: signal } : {});
