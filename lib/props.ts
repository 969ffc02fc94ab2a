import { Duration, type RemovalPolicy } from 'aws-cdk-lib';
import type * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as events from 'aws-cdk-lib/aws-events';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { NomadAccess } from './access/nomad-access.ts';
import type { TestEventsOptions } from './function/console-test-events.ts';

/** An Auto Scaling group of Nomad clients: one of this app, or the name of one that exists. */
export type DrainedGroup = autoscaling.IAutoScalingGroup | string;

/** How a node is drained. */
export interface DrainPolicy {
  /**
   * How long the allocations of a node may take to finish before Nomad kills them. Whole seconds, up to 48 h; the hook must
   * hold it and twice the kill margin, which leaves 47 h 50 min by default.
   * @default Duration.hours(6)
   */
  readonly deadline?: Duration;
  /**
   * How long killed allocations may take to stop: once after the deadline, once more after the drain was forced. Whole
   * seconds, up to 2 h.
   * @default Duration.minutes(5)
   */
  readonly killMargin?: Duration;
  /**
   * How long an instance may wait without a Nomad node before it is released as one that has none. Whole seconds, up to
   * 1 h.
   * @default Duration.minutes(2)
   */
  readonly grace?: Duration;
  /**
   * Whether to leave the allocations of system jobs running, and not to wait for them.
   * @default false
   */
  readonly ignoreSystemJobs?: boolean;
  /**
   * How to release an instance whose drain did not end in time. Both results terminate it, unless the group's instance
   * lifecycle policy retains what is abandoned (`TerminateHookAbandon: retain`). It is the default result of the hook too.
   * @default autoscaling.DefaultResult.CONTINUE
   */
  readonly onTimeout?: autoscaling.DefaultResult;
  /**
   * Whether jobs may say in their meta how long a drain waits for them: the author of a job then decides how long its instance lives.
   * @default false
   */
  readonly jobMeta?: boolean;
}

/** The lifecycle hook, the same in every group but for the default result. */
export interface LifecycleHookOptions {
  /**
   * The name of the hook. A group must have no other hook of this name. Renaming it deletes the old one: see
   * {@link NomadDrainHook} for what then happens to waiting instances.
   * @default 'nomad-drain'
   */
  readonly name?: string;
  /**
   * How long Auto Scaling waits for a heartbeat; the function sends three in that time. Whole seconds, from 30 s to 2 h.
   * It also limits the whole wait to 100 times itself, and never more than 48 h.
   * @default Duration.minutes(30)
   */
  readonly heartbeatTimeout?: Duration;
  /**
   * How Auto Scaling ends the wait when heartbeats stop. A group that retains abandoned instances retains these only if it is
   * ABANDON.
   * @default - the value of `onTimeout` that holds for the group
   */
  readonly defaultResult?: autoscaling.DefaultResult;
}

/** What AWS says of an instance before it goes, and what is done about it. */
export interface NoticeOptions {
  /**
   * Whether to drain at once when EC2 warns that it interrupts a Spot instance, or one of an interruptible capacity reservation.
   * EC2 takes it two minutes after the warning, hook or not.
   * @default true
   */
  readonly spot?: boolean;
  /**
   * What to do when EC2 recommends to replace a Spot instance because it is at risk: drain its node, or only make the node
   * ineligible (`cordon`), so that no new build lands there, or nothing (`off`).
   * @default 'off'
   */
  readonly rebalance?: 'drain' | 'cordon' | 'off';
  /**
   * Whether to drain a node before scheduled maintenance stops, reboots or cuts off its instance, in time for the drain
   * deadline.
   * @default false
   */
  readonly maintenance?: boolean;
  /**
   * How long after a rebalance recommendation, or after the end of maintenance, a node is made eligible again if its instance
   * is still in service. Whole seconds, from 60 s to 168 h, which is 7 days.
   * @default Duration.hours(1)
   */
  readonly restoreAfter?: Duration;
}

/** How instances are chosen. */
export interface IdleFirstOptions {
  /**
   * How long a group waits for instances to become idle, when too few are, before others go: those whose builds end soonest
   * first. Whole seconds, from 1 s to 50 min.
   * @default - it does not wait
   */
  readonly onlyIdleFor?: Duration;
  /**
   * The suffix of the groups' service-linked role, if it is not `AWSServiceRoleForAutoScaling` itself: `builders` for
   * `AWSServiceRoleForAutoScaling_builders`.
   * @default - none
   */
  readonly serviceLinkedRoleSuffix?: string;
}

/** What an instance has to be before it is put into service. */
export interface AdmissionOptions {
  /**
   * How long an instance may take until its Nomad node is ready: then it is abandoned, and Auto Scaling replaces it. Whole seconds, from
   * 1 min to 6 h.
   * @default Duration.minutes(15)
   */
  readonly readyTimeout?: Duration;
  /**
   * The task drivers that have to be healthy on the node, such as `docker`.
   * @default - none
   */
  readonly drivers?: readonly string[];
  /**
   * Whether the system jobs that Nomad places on the node have to run.
   * @default false
   */
  readonly awaitSystemJobs?: boolean;
}

/**
 * A group with options of its own, in the place of the group in `groups`: what it leaves out is as the construct has it for all groups.
 */
export interface GroupOptions extends DrainPolicy {
  /** The group. */
  readonly group: DrainedGroup;
  /**
   * How long the allocations of a node may take to finish before Nomad kills them. Whole seconds, up to 48 h; the hook must
   * hold it and twice the kill margin.
   * @default - the construct's
   */
  readonly deadline?: Duration;
  /**
   * How long killed allocations may take to stop: once after the deadline, once more after the drain was forced. Whole
   * seconds, up to 2 h.
   * @default - the construct's
   */
  readonly killMargin?: Duration;
  /**
   * How long an instance may wait without a Nomad node before it is released as one that has none. Whole seconds, up to
   * 1 h.
   * @default - the construct's
   */
  readonly grace?: Duration;
  /**
   * Whether to leave the allocations of system jobs running, and not to wait for them.
   * @default - the construct's
   */
  readonly ignoreSystemJobs?: boolean;
  /**
   * How to release an instance whose drain did not end in time. It is the default result of the group's hook too.
   * @default - the construct's
   */
  readonly onTimeout?: autoscaling.DefaultResult;
  /**
   * Whether jobs may say in their meta how long a drain of this group waits for them.
   * @default - the construct's
   */
  readonly jobMeta?: boolean;
  /**
   * What AWS says of an instance before it goes, and what is done about it.
   * @default - each field is the construct's
   */
  readonly notices?: NoticeOptions;
  /**
   * Whether instances with idle Nomad clients go first when Auto Scaling chooses, and how. `true`: the group does not wait for
   * instances to become idle.
   * @default - the construct's
   */
  readonly chooseIdleFirst?: boolean | IdleFirstOptions;
  /**
   * Whether a new instance is put into service only when its Nomad node is ready, and what that takes.
   * @default - the construct's
   */
  readonly admitWhenReady?: boolean | AdmissionOptions;
  /**
   * Whether to remove a drained node from Nomad once its instance is terminated.
   * @default - the construct's
   */
  readonly purgeNodes?: boolean;
}

/** Who is notified when something is wrong, and whether to make the alarms and the dashboard. */
export interface MonitoringOptions {
  /**
   * The topic that is notified when an alarm fires and when it resolves; in the stack's own region. An encrypted topic needs
   * a customer managed key that CloudWatch may use: with `alias/aws/sns` nothing arrives. To notify other people of some
   * alarms, leave it out and add actions to `NomadDrainHook.alarms`.
   * @default - no notifications; the alarms only change state
   */
  readonly alarmTopic?: sns.ITopic;
  /**
   * What the names of the alarms begin with: `builders` for `builders: sweep missing`. At most 200 characters. Alarms of two hooks in
   * one account and region need two names.
   * @default - the name of the stack, and the path of the construct in it
   */
  readonly name?: string;
  /**
   * The URL of the runbook that the alarms and the dashboard link to, where you have it elsewhere, or your own. A link to the section
   * of an alarm ends in its name in lower case: `#sweepmissing`.
   * @default - docs/operations.md in the repository on the web
   */
  readonly runbookUrl?: string;
  /**
   * Whether to make the alarms. docs/operations.md says what each means and what to do.
   * @default true
   */
  readonly alarms?: boolean;
  /**
   * Whether to make the dashboard.
   * @default true
   */
  readonly dashboard?: boolean;
}

/** The properties of {@link NomadDrainHook}. */
export interface NomadDrainHookProps {
  /**
   * The groups whose instances are drained before they are terminated; at least one, each once. A group that differs from the others
   * is given with options of its own.
   */
  readonly groups: readonly (DrainedGroup | GroupOptions)[];
  /** How the function reaches Nomad. */
  readonly nomad: NomadAccess;
  /**
   * How a node is drained.
   * @default - the default of each field
   */
  readonly policy?: DrainPolicy;
  /**
   * The lifecycle hook in each group.
   * @default - the default of each field
   */
  readonly hook?: LifecycleHookOptions;
  /**
   * What AWS says of an instance before it goes, and what is done about it.
   * @default - the default of each field
   */
  readonly notices?: NoticeOptions;
  /**
   * Whether to remove a drained node from Nomad once its instance is terminated: a sweep does it, within a minute or so of the
   * node being down. Otherwise Nomad lists it for a day.
   * @default false
   */
  readonly purgeNodes?: boolean;
  /**
   * Whether instances with idle Nomad clients go first when Auto Scaling chooses, by a separate function as the first
   * termination policy of each group. The stack sets it on its own groups; for other groups it has the command in its outputs.
   * @default false
   */
  readonly chooseIdleFirst?: boolean | IdleFirstOptions;
  /**
   * Whether a new instance is put into service only when its Nomad node is ready, and what that takes: by a launching hook in each group.
   * One that is not ready in time is abandoned, and Auto Scaling replaces it.
   * @default false
   */
  readonly admitWhenReady?: boolean | AdmissionOptions;
  /**
   * The name of the launching hook, the same in every group; another one than that of the terminating hook. Renaming it deletes the old
   * one: instances that wait for that are abandoned.
   * @default 'nomad-ready'
   */
  readonly launchHookName?: string;
  /**
   * The memory of the function that drains, in megabytes, from 256 to 10240. With it Lambda gives a share of a core: give it more where more
   * than a thousand instances may begin to wait in the same minute.
   * @default 320
   */
  readonly memorySize?: number;
  /**
   * The processor architecture of the functions.
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;
  /**
   * How many runs of the function that drains may go on at the same time, reserved from the account's. At least 10: a sweep takes one
   * for most of each minute, and each event and each query another.
   * @default - none reserved: those of the account
   */
  readonly reservedConcurrentExecutions?: number;
  /**
   * The role of the function that drains; the permissions are added to it. A role that is imported as immutable needs them already:
   * docs/security.md lists them.
   * @default - a role of its own
   */
  readonly role?: iam.IRole;
  /**
   * Where the functions log. Metrics are made of what they log, so it must be of the class STANDARD.
   * @default - a log group of its own
   */
  readonly logGroup?: logs.ILogGroup;
  /**
   * How long to keep the function's log, in a log group of its own.
   * @default logs.RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: logs.RetentionDays;
  /**
   * The customer managed key that encrypts the queues, and the log group where it is made here. Where the key is one of the app, its
   * policy admits CloudWatch Logs and EventBridge; that of an imported key must do so already.
   * @default - keys of AWS
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * What becomes of the log group and the queues when the stack is deleted.
   * @default - they are deleted
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * The alarms and the dashboard.
   * @default - the default of each field
   */
  readonly monitoring?: MonitoringOptions;
  /**
   * The bus for the function's events: a drain has started, is stuck, or has ended. docs/reference.md says what they contain.
   * @default - the default bus of the stack's account and region
   */
  readonly eventBus?: events.IEventBus;
  /**
   * Ready-made events for the Test button of the Lambda console: status, dryRun, capacity, jobs, logs, doctor, sweep,
   * and dry runs of spot, rebalance and maintenance. `{}` where the account already has shareable test events.
   * @default - none
   */
  readonly testEvents?: TestEventsOptions;
  /**
   * The VPC to run in, where Nomad can be reached only from inside; required by `NomadAccess.clients`. Its subnets need a route to
   * the APIs of Auto Scaling, EC2, EventBridge and Systems Manager, too: a NAT gateway or interface endpoints.
   * @default - outside of any VPC
   */
  readonly vpc?: ec2.IVpc;
  /**
   * Whether to make the interface endpoints that the function needs in the VPC (Auto Scaling, EC2 and EventBridge; Systems
   * Manager and STS where it uses them), so that it works without a NAT gateway. Leave it off where the VPC has them: AWS
   * refuses a second one with private DNS.
   * @default false
   */
  readonly vpcEndpoints?: boolean;
  /**
   * The subnets of the VPC.
   * @default - its private subnets
   */
  readonly vpcSubnets?: ec2.SubnetSelection;
  /**
   * The security groups of the function.
   * @default - one of its own that allows all outbound traffic; see `lambdaFunction.connections`
   */
  readonly securityGroups?: readonly ec2.ISecurityGroup[];
}

/** The defaults of {@link LifecycleHookOptions}. */
export const DEFAULT_HOOK = {
  name: 'nomad-drain',
  // Auto Scaling's longest wait, 48 h, needs 28.8 min.
  heartbeatTimeout: Duration.minutes(30),
} as const satisfies LifecycleHookOptions;
