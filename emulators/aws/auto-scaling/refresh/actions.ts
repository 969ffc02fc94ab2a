import { page, type QueryActions, type QueryParams, type Xml } from '../../query-protocol.ts';
import { requireGroup } from '../auto-scaling-describe.ts';
import type { Groups } from '../groups.ts';
import type { InstanceRefresh } from './instance-refresh.ts';
import { readWanted } from './preferences.ts';
import { percentOf } from './progress.ts';

const PROCESSES = [
  ...['Launch', 'Terminate', 'AddToLoadBalancer', 'AlarmNotification', 'AZRebalance', 'HealthCheck'],
  ...['InstanceRefresh', 'ReplaceUnhealthy', 'ScheduledActions'],
];

/** Auto Scaling's actions about instance refreshes, and those that suspend processes. */
export function refreshActions(groups: Groups): QueryActions {
  const { refreshes } = groups;
  return {
    StartInstanceRefresh: (params) => {
      const group = requireGroup(groups, params);
      return { InstanceRefreshId: refreshes.start(group, readWanted(params, group)).id };
    },

    CancelInstanceRefresh: (params) => {
      const waits = params.get('WaitForTransitioningInstances') !== 'false';
      return { InstanceRefreshId: refreshes.cancel(requireGroup(groups, params), waits).id };
    },

    RollbackInstanceRefresh: (params) => ({
      InstanceRefreshId: refreshes.rollBack(requireGroup(groups, params)).id,
    }),

    // "Instance refreshes … of the last six weeks": here of ever, the newest first.
    // https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeInstanceRefreshes.html
    DescribeInstanceRefreshes: (params) => {
      const group = requireGroup(groups, params);
      const ids = params.list('InstanceRefreshIds.member');
      const named = refreshes.of(group).filter(({ id }) => ids.length === 0 || ids.includes(id));
      const size = Math.min(params.integer('MaxRecords') ?? 50, 100);
      const { items, next } = page(named, size, params.get('NextToken'));
      return { InstanceRefreshes: items.map((each) => describe(each, groups)), NextToken: next };
    },

    SuspendProcesses: (params) => {
      const group = requireGroup(groups, params);
      group.suspendedProcesses = [...new Set([...group.suspendedProcesses, ...processesOf(params)])];
      return {};
    },

    ResumeProcesses: (params) => {
      const group = requireGroup(groups, params);
      const resumed = processesOf(params);
      group.suspendedProcesses = group.suspendedProcesses.filter((each) => !resumed.includes(each));
      groups.reconcile(group, 'an instance was launched in response to a resumed process.');
      return {};
    },
  };
}

/** "If you omit this property, all processes are specified." */
function processesOf(params: QueryParams): string[] {
  const named = params.list('ScalingProcesses.member');
  return named.length === 0 ? PROCESSES : named;
}

function describe(refresh: InstanceRefresh, groups: Groups): Xml {
  const { id, group, status, statusReason, startedAt, endedAt, preferences, desiredVersion, percentBefore } = refresh;
  const now = endedAt ?? groups.now;
  const members = groups.members(group);
  const left = refresh.total - refresh.updated(members, now);
  return {
    InstanceRefreshId: id,
    AutoScalingGroupName: group.name,
    Status: status,
    StatusReason: statusReason,
    StartTime: status === 'Pending' ? undefined : new Date(startedAt),
    EndTime: endedAt === undefined ? undefined : new Date(endedAt),
    PercentageComplete: status === 'Successful' ? 100 : percentOf(refresh, members, now),
    InstancesToUpdate: status === 'Successful' ? 0 : left,
    RollbackDetails:
      percentBefore === undefined
        ? undefined
        : { RollbackReason: statusReason, PercentageCompleteOnRollback: percentBefore },
    Preferences: {
      MinHealthyPercentage: preferences.minHealthy,
      MaxHealthyPercentage: preferences.maxHealthy,
      InstanceWarmup: preferences.warmup,
      CheckpointPercentages: preferences.checkpoints.length > 0 ? preferences.checkpoints : undefined,
      CheckpointDelay: preferences.checkpoints.length > 0 ? preferences.checkpointDelay : undefined,
      SkipMatching: preferences.skipMatching,
      AutoRollback: preferences.autoRollback,
      ScaleInProtectedInstances: preferences.protectedInstances,
      StandbyInstances: preferences.standbyInstances,
      BakeTime: preferences.bakeTime,
    },
    DesiredConfiguration:
      desiredVersion === undefined
        ? undefined
        : { LaunchTemplate: { LaunchTemplateId: 'lt-0a1b2c3d4e5f60718', Version: desiredVersion } },
  };
}
