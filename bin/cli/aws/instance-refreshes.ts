import {
  type AutoScalingClient,
  CancelInstanceRefreshCommand,
  DescribeInstanceRefreshesCommand,
  type InstanceRefresh,
  type RefreshPreferences,
  ResumeProcessesCommand,
  RollbackInstanceRefreshCommand,
  StartInstanceRefreshCommand,
  SuspendProcessesCommand,
} from '@aws-sdk/client-auto-scaling';

/** An instance refresh of a group. */
export interface Refresh {
  id: string;
  /** Such as `InProgress`. */
  status: string;
  /** Auto Scaling's explanation of the status, if it has one. */
  because?: string;
  /** ISO 8601; absent before it has started. */
  startedAt?: string;
  /** ISO 8601; absent while it is under way. */
  endedAt?: string;
  percent: number;
  /** How many instances it has yet to update. */
  left: number;
  preferences: RefreshPreferences;
  /** The version of the launch template that it was given, if one was. */
  desiredVersion?: string;
}

/** What {@link InstanceRefreshes.start} starts. */
export interface RefreshStart {
  preferences: RefreshPreferences;
  /** Another version of the launch template than the group's. */
  template?: { id: string; version: string } | undefined;
}

/** The process of Auto Scaling that an instance refresh is: suspended, it replaces nothing. */
const PROCESS = ['InstanceRefresh'];

/** Auto Scaling's instance refreshes, with the operator's own credentials. */
export class InstanceRefreshes {
  readonly #client: AutoScalingClient;

  constructor(client: AutoScalingClient) {
    this.#client = client;
  }

  /** The last one, under way or ended; undefined if there was none in six weeks. */
  async last(group: string, signal?: AbortSignal): Promise<Refresh | undefined> {
    const command = new DescribeInstanceRefreshesCommand({ AutoScalingGroupName: group, MaxRecords: 1 });
    const { InstanceRefreshes: [found] = [] } = await this.#client.send(command, signal ? { abortSignal: signal } : {});
    return found && refreshOf(found);
  }

  /** The one that is under way; undefined if there is none. */
  async active(group: string): Promise<Refresh | undefined> {
    const last = await this.last(group);
    return last?.endedAt === undefined ? last : undefined;
  }

  /** @returns its id */
  async start(group: string, { preferences, template }: RefreshStart): Promise<string> {
    const { InstanceRefreshId = '' } = await this.#client.send(
      new StartInstanceRefreshCommand({
        AutoScalingGroupName: group,
        Preferences: preferences,
        ...(template && {
          DesiredConfiguration: { LaunchTemplate: { LaunchTemplateId: template.id, Version: template.version } },
        }),
      }),
    );
    return InstanceRefreshId;
  }

  /** It ends when what launches and terminates has done so: nothing more is replaced. */
  async cancel(group: string): Promise<void> {
    await this.#client.send(new CancelInstanceRefreshCommand({ AutoScalingGroupName: group }));
  }

  /** What it has replaced is replaced again, by the version of before. */
  async rollBack(group: string): Promise<void> {
    await this.#client.send(new RollbackInstanceRefreshCommand({ AutoScalingGroupName: group }));
  }

  async pause(group: string): Promise<void> {
    await this.#client.send(new SuspendProcessesCommand({ AutoScalingGroupName: group, ScalingProcesses: PROCESS }));
  }

  async resume(group: string): Promise<void> {
    await this.#client.send(new ResumeProcessesCommand({ AutoScalingGroupName: group, ScalingProcesses: PROCESS }));
  }
}

const refreshOf = (found: InstanceRefresh): Refresh => {
  const { StatusReason, StartTime, EndTime, DesiredConfiguration } = found;
  const { LaunchTemplate, MixedInstancesPolicy } = DesiredConfiguration ?? {};
  const { Version } = LaunchTemplate ?? MixedInstancesPolicy?.LaunchTemplate?.LaunchTemplateSpecification ?? {};
  return {
    id: found.InstanceRefreshId ?? '',
    status: found.Status ?? 'unknown',
    ...(StatusReason && { because: StatusReason }),
    ...(StartTime && { startedAt: StartTime.toISOString() }),
    ...(EndTime && { endedAt: EndTime.toISOString() }),
    percent: found.PercentageComplete ?? 0,
    left: found.InstancesToUpdate ?? 0,
    preferences: found.Preferences ?? {},
    ...(Version !== undefined && { desiredVersion: Version }),
  };
};
