import { type Group, type HookOptions, isMember, type Member, makeHook } from '../model.ts';
import { type QueryActions, type QueryParams, validationError } from '../query-protocol.ts';
import { describeActions, describeActivity, requireGroup } from './auto-scaling-describe.ts';
import type { Groups } from './groups.ts';
import type { LifecycleAction } from './lifecycle-actions.ts';
import { refreshActions } from './refresh/actions.ts';

/** Auto Scaling's actions, by their name. Errors speak AWS's words as far as anyone has quoted them. */
export function autoScalingActions(groups: Groups): QueryActions {
  return {
    ...describeActions(groups),
    ...refreshActions(groups),

    CompleteLifecycleAction: (params) => {
      const action = requireAction(groups, params, () => {
        const result = params.require('LifecycleActionResult');
        if (!isResult(result)) throw validationError('LifecycleActionResult must be either CONTINUE or ABANDON.');
        return result;
      });
      groups.actions.complete(action.found, action.extra, 'call');
      return {};
    },

    RecordLifecycleActionHeartbeat: (params) => {
      groups.actions.heartbeat(requireAction(groups, params, () => undefined).found);
      return {};
    },

    PutLifecycleHook: (params) => {
      const group = requireGroup(groups, params);
      const name = params.require('LifecycleHookName');
      const hook = makeHook({ ...(group.hooks.get(name) ?? { name }), ...readHook(params, group.hooks.has(name)) });
      group.hooks.set(name, hook);
      return {};
    },

    // "If there are any outstanding lifecycle actions, they are completed first (ABANDON for launching instances,
    // CONTINUE for terminating instances)." https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteLifecycleHook.html
    DeleteLifecycleHook: (params) => {
      const group = requireGroup(groups, params);
      const name = params.require('LifecycleHookName');
      if (!group.hooks.delete(name)) throw noHook(group, name);
      for (const action of groups.actions.underWay()) {
        if (action.group !== group || action.hook.name !== name) continue;
        const launching = action.hook.transition === 'autoscaling:EC2_INSTANCE_LAUNCHING';
        groups.actions.complete(action, launching ? 'ABANDON' : 'CONTINUE', 'hook-deleted');
      }
      return {};
    },

    SetDesiredCapacity: (params) => {
      const group = requireGroup(groups, params);
      const wanted = Number(params.require('DesiredCapacity'));
      if (wanted > group.maxSize) {
        throw validationError(
          `New SetDesiredCapacity value ${wanted} is above max value ${group.maxSize} for the AutoScalingGroup.`,
        );
      }
      if (wanted < group.minSize) {
        throw validationError(
          `New SetDesiredCapacity value ${wanted} is below min value ${group.minSize} for the AutoScalingGroup.`,
        );
      }
      const before = group.desiredCapacity;
      group.desiredCapacity = wanted;
      groups.reconcile(
        group,
        `a user request explicitly set group desired capacity changing the desired capacity from ${before} to ${wanted}.`,
      );
      return {};
    },

    TerminateInstanceInAutoScalingGroup: (params) => {
      const decrement = params.require('ShouldDecrementDesiredCapacity') === 'true';
      const instance = requireMember(groups, params.require('InstanceId'));
      const { group, state } = instance.member;
      if (decrement && !state.endsWith(':Retained') && group.desiredCapacity <= group.minSize) {
        throw validationError(
          `Currently, desiredSize equals minSize (${group.minSize}). Terminating instance without replacement will violate ` +
            "group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
        );
      }
      // A retained instance was made up for when it was retained; it does not count any more.
      if (decrement && !state.endsWith(':Retained')) group.desiredCapacity -= 1;
      // Never to the warm pool: this is a termination, whatever the reuse policy says.
      groups.remove(instance, 'an instance was taken out of service in response to a user request.', false);
      groups.reconcile(
        group,
        'an instance was launched in response to a difference between desired and actual capacity.',
      );
      const [activity] = groups.activities.list(group).filter(({ description }) => description.includes(instance.id));
      return { Activity: activity && describeActivity(activity) };
    },
  };
}

const isResult = (value: string) => value === 'CONTINUE' || value === 'ABANDON';

// AWS is known to say "No Lifecycle Hook found …" to DeleteLifecycleHook; the rest of the message is not known.
const noHook = (group: Group, hook: string) =>
  validationError(`No Lifecycle Hook found with name '${hook}' for group '${group.name}'`);

function requireAction<T>(
  groups: Groups,
  params: QueryParams,
  validate: () => T,
): { found: LifecycleAction; extra: T } {
  params.require('AutoScalingGroupName');
  const hookName = params.require('LifecycleHookName');
  const extra = validate();
  const group = requireGroup(groups, params);
  const token = params.get('LifecycleActionToken');
  const instanceId = params.get('InstanceId');
  if (token === undefined && instanceId === undefined) {
    throw validationError('Either LifecycleActionToken or InstanceId must be specified.');
  }
  const found = groups.actions.find(group, hookName, { token, instanceId });
  if (found) return { found, extra };
  if (!group.hooks.has(hookName)) throw noHook(group, hookName);
  throw validationError(
    `No active Lifecycle Action found with ${token === undefined ? `instance ID ${instanceId}` : `token ${token}`}`,
  );
}

function requireMember(groups: Groups, id: string): Member {
  const instance = groups.instance(id);
  // "This operation cannot be called on instances in a warm pool."
  const inWarmPool = instance?.member?.state.startsWith('Warmed:') && !instance.member.state.endsWith(':Retained');
  if (isMember(instance) && !inWarmPool) return instance;
  throw validationError(`Instance Id not found - No managed instance found for instance ID: ${id}`);
}

/** What PutLifecycleHook says; what it leaves out stays as it was. */
function readHook(params: QueryParams, exists: boolean): Partial<HookOptions> {
  const transition = params.get('LifecycleTransition');
  if (!exists && transition === undefined) params.require('LifecycleTransition');
  if (transition !== undefined && !isTransition(transition)) {
    throw validationError(`Invalid lifecycle transition: ${transition}`);
  }
  const heartbeatTimeoutSeconds = params.integer('HeartbeatTimeout');
  if (heartbeatTimeoutSeconds !== undefined && (heartbeatTimeoutSeconds < 30 || heartbeatTimeoutSeconds > 7200)) {
    throw validationError('HeartbeatTimeout must be between 30 and 7200 seconds.');
  }
  const defaultResult = params.get('DefaultResult');
  if (defaultResult !== undefined && !isResult(defaultResult)) {
    throw validationError('DefaultResult must be either CONTINUE or ABANDON.');
  }
  const notificationMetadata = params.get('NotificationMetadata');
  const notificationTargetArn = params.get('NotificationTargetARN');
  const roleArn = params.get('RoleARN');
  return {
    ...(transition && { transition }),
    ...(heartbeatTimeoutSeconds && { heartbeatTimeoutSeconds }),
    ...(defaultResult && { defaultResult }),
    ...(notificationMetadata && { notificationMetadata }),
    ...(notificationTargetArn && { notificationTargetArn }),
    ...(roleArn && { roleArn }),
  };
}

const isTransition = (value: string) =>
  value === 'autoscaling:EC2_INSTANCE_LAUNCHING' || value === 'autoscaling:EC2_INSTANCE_TERMINATING';
