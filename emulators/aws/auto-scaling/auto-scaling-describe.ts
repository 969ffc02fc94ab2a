import { type Group, globalTimeoutSeconds, type Member, ZONE } from '../model.ts';
import { page, type QueryActions, type QueryParams, validationError, type Xml } from '../query-protocol.ts';
import { ACTIVITY_DETAILS, type ScalingActivity } from './activities.ts';
import type { Groups } from './groups.ts';

const launchTemplate = (version: string | number) => ({
  LaunchTemplateId: 'lt-0a1b2c3d4e5f60718',
  LaunchTemplateName: 'nomad-client',
  Version: String(version),
});

/** Auto Scaling's Describe actions. */
export function describeActions(groups: Groups): QueryActions {
  return {
    // "This operation also returns information about instances in Auto Scaling groups. To retrieve information about
    // the instances in a warm pool, you must call the DescribeWarmPool API."
    // https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html
    DescribeAutoScalingGroups: (params) => {
      const names = params.list('AutoScalingGroupNames.member');
      const size = Math.min(params.integer('MaxRecords') ?? 50, 100);
      // "By default, you can only specify up to 50 names. You can optionally increase this limit using the MaxRecords
      // property."
      if (names.length > size) {
        throw validationError(`The number of group names that may be passed in is limited to ${size}`);
      }
      const named = [...groups.groups.values()].filter(({ name }) => names.length === 0 || names.includes(name));
      const { items, next } = page(named, size, params.get('NextToken'));
      const withInstances = params.get('IncludeInstances') !== 'false';
      return {
        AutoScalingGroups: items.map((group) => describeGroup(group, withInstances ? groups.members(group) : [])),
        NextToken: next,
      };
    },

    DescribeAutoScalingInstances: (params) => {
      const ids = params.list('InstanceIds.member');
      if (ids.length > 50) throw validationError('The number of instance ids that may be passed in is limited to 50');
      const members = [...groups.groups.values()].flatMap((group) => groups.members(group));
      const named = members.filter(({ id }) => ids.length === 0 || ids.includes(id));
      const { items, next } = page(named, Math.min(params.integer('MaxRecords') ?? 50, 50), params.get('NextToken'));
      return {
        AutoScalingInstances: items.map((instance) => ({
          ...describeInstance(instance),
          AutoScalingGroupName: instance.member.group.name,
          // Here, and only here, AWS writes it in capitals.
          HealthStatus: instance.member.healthy ? 'HEALTHY' : 'UNHEALTHY',
        })),
        NextToken: next,
      };
    },

    DescribeWarmPool: (params) => {
      const group = requireGroup(groups, params);
      const size = Math.min(params.integer('MaxRecords') ?? 50, 50);
      const { items, next } = page(groups.members(group).filter(isWarmed), size, params.get('NextToken'));
      return {
        WarmPoolConfiguration: describeWarmPool(group),
        Instances: items.map(describeInstance),
        NextToken: next,
      };
    },

    DescribeLifecycleHooks: (params) => {
      const group = requireGroup(groups, params);
      const names = params.list('LifecycleHookNames.member');
      const hooks = [...group.hooks.values()].filter(({ name }) => names.length === 0 || names.includes(name));
      return {
        LifecycleHooks: hooks.map((hook) => ({
          LifecycleHookName: hook.name,
          AutoScalingGroupName: group.name,
          LifecycleTransition: hook.transition,
          NotificationTargetARN: hook.notificationTargetArn,
          RoleARN: hook.roleArn,
          NotificationMetadata: hook.notificationMetadata,
          HeartbeatTimeout: hook.heartbeatTimeoutSeconds,
          GlobalTimeout: globalTimeoutSeconds(hook),
          DefaultResult: hook.defaultResult,
        })),
      };
    },

    DescribeScalingActivities: (params) => {
      const group = params.get('AutoScalingGroupName') === undefined ? undefined : requireGroup(groups, params);
      const ids = params.list('ActivityIds.member');
      const activities = groups.activities.list(group).filter(({ id }) => ids.length === 0 || ids.includes(id));
      const size = Math.min(params.integer('MaxRecords') ?? 100, 100);
      const { items, next } = page(activities, size, params.get('NextToken'));
      return { Activities: items.map(describeActivity), NextToken: next };
    },
  };
}

/** @throws QueryError where the group is not named, or does not exist */
export function requireGroup(groups: Groups, params: QueryParams): Group {
  const name = params.require('AutoScalingGroupName');
  const group = groups.groups.get(name);
  if (!group) throw validationError(`AutoScalingGroup name not found - AutoScalingGroup '${name}' not found`);
  return group;
}

export function describeActivity(activity: ScalingActivity): Xml {
  return {
    ActivityId: activity.id,
    AutoScalingGroupName: activity.group.name,
    Description: activity.description,
    Cause: activity.cause,
    StartTime: new Date(activity.startedAt),
    EndTime: activity.endedAt === undefined ? undefined : new Date(activity.endedAt),
    StatusCode: activity.status,
    Progress: activity.progress,
    Details: JSON.stringify(ACTIVITY_DETAILS),
    AutoScalingGroupARN: activity.group.arn,
  };
}

const isWarmed = ({ member }: Member) => member.shown.startsWith('Warmed:');

function describeGroup(group: Group, members: readonly Member[]): Xml {
  return {
    AutoScalingGroupName: group.name,
    AutoScalingGroupARN: group.arn,
    ...describeTemplate(group),
    MinSize: group.minSize,
    MaxSize: group.maxSize,
    DesiredCapacity: group.desiredCapacity,
    DefaultCooldown: 300,
    AvailabilityZones: [...new Set([ZONE, ...members.map(({ zone }) => zone)])],
    HealthCheckType: 'EC2',
    HealthCheckGracePeriod: 0,
    Instances: members.filter((member) => !isWarmed(member)).map(describeInstance),
    CreatedTime: new Date(group.createdAt),
    NewInstancesProtectedFromScaleIn: false,
    DesiredCapacityType: group.desiredCapacityType,
    SuspendedProcesses: group.suspendedProcesses.map((ProcessName) => ({
      ProcessName,
      SuspensionReason: 'User suspended',
    })),
    TerminationPolicies: group.terminationPolicies,
    WarmPoolConfiguration: describeWarmPool(group),
    WarmPoolSize: group.warmPool && members.filter(isWarmed).length,
    DeletionProtection: group.deletionProtection ?? undefined,
    InstanceLifecyclePolicy: group.retainOnAbandon
      ? { RetentionTriggers: { TerminateHookAbandon: 'retain' } }
      : undefined,
  };
}

/** A group whose instance types are chosen by attributes has its launch template in a mixed instances policy. */
function describeTemplate({ launchTemplate: { version }, attributeBased }: Group): { [name: string]: Xml } {
  const LaunchTemplateSpecification = launchTemplate(version);
  if (!attributeBased) return { LaunchTemplate: LaunchTemplateSpecification };
  const requirements = { InstanceRequirements: { VCpuCount: { Min: 2 }, MemoryMiB: { Min: 4096 } } };
  return { MixedInstancesPolicy: { LaunchTemplate: { LaunchTemplateSpecification, Overrides: [requirements] } } };
}

function describeInstance({ id, zone, protectedFromScaleIn, member }: Member): { [name: string]: Xml } {
  return {
    InstanceId: id,
    InstanceType: 'm7g.large',
    AvailabilityZone: zone,
    LifecycleState: member.shown,
    HealthStatus: member.healthy ? 'Healthy' : 'Unhealthy',
    LaunchTemplate: launchTemplate(member.version),
    ProtectedFromScaleIn: protectedFromScaleIn,
    WeightedCapacity: member.group.weight === undefined ? undefined : String(member.group.weight),
  };
}

function describeWarmPool({ warmPool }: Group): Xml {
  return (
    warmPool && {
      MinSize: 0,
      PoolState: warmPool.state,
      InstanceReusePolicy: { ReuseOnScaleIn: warmPool.reuse },
    }
  );
}
