import type { DeletionProtection, LifecycleState } from '@aws-sdk/client-auto-scaling';
import type { InstanceStateName } from '@aws-sdk/client-ec2';

export const ACCOUNT = '123456789012';
export const REGION = 'us-east-1';
export const ZONE = 'us-east-1a';
export const SUBNET = 'subnet-0a1b2c3d4e5f60718';

export type LifecycleActionResult = 'CONTINUE' | 'ABANDON';
export type LifecycleTransition = 'autoscaling:EC2_INSTANCE_LAUNCHING' | 'autoscaling:EC2_INSTANCE_TERMINATING';

/** A lifecycle hook of a group. */
export interface Hook {
  name: string;
  transition: LifecycleTransition;
  heartbeatTimeoutSeconds: number;
  defaultResult: LifecycleActionResult;
  notificationMetadata?: string;
  notificationTargetArn?: string;
  roleArn?: string;
}

/** A hook as a test writes it: AWS's own defaults hold where it says nothing (3600 s, ABANDON, terminating). */
export type HookOptions = Pick<Hook, 'name'> & Partial<Omit<Hook, 'name'>>;

export function makeHook(options: HookOptions): Hook {
  return {
    transition: 'autoscaling:EC2_INSTANCE_TERMINATING',
    heartbeatTimeoutSeconds: 3600,
    defaultResult: 'ABANDON',
    ...options,
  };
}

/** 48 hours or 100 times the heartbeat timeout, whichever is smaller: no heartbeat reaches past it. */
export function globalTimeoutSeconds(hook: Hook): number {
  return Math.min(172_800, 100 * hook.heartbeatTimeoutSeconds);
}

export interface WarmPool {
  /** The instance reuse policy `ReuseOnScaleIn`: scale-in returns instances to the pool. */
  reuse: boolean;
  /** The state that instances of the pool are kept in. */
  state: 'Stopped' | 'Running' | 'Hibernated';
}

export interface GroupOptions {
  name: string;
  /** One hook, the usual case; `hooks` for several. */
  hook?: HookOptions;
  hooks?: readonly HookOptions[];
  /** Hooks of others beside those. */
  moreHooks?: readonly HookOptions[];
  warmPool?: Partial<WarmPool>;
  /** InstanceLifecyclePolicy with TerminateHookAbandon `retain`. */
  retainOnAbandon?: boolean;
  minSize?: number;
  /** Null: not reported, as by an older API. @default `none` */
  deletionProtection?: DeletionProtection | null;
  /** Behind a load balancer: how long it takes to deregister an instance, before that waits for its hooks. @default 0 */
  deregistrationSeconds?: number;
  /** Who goes first; a function may be the first of them. @default `Default` */
  terminationPolicies?: readonly string[];
  /** Of a mixed instances policy: how many in a hundred should be On-Demand Instances. */
  onDemandPercentage?: number;
  /** Scaling processes that are suspended. Of them `Launch`, `Terminate` and `InstanceRefresh` are heeded. */
  suspendedProcesses?: readonly string[];
  /** Attribute-based: what the desired capacity counts. @default units */
  desiredCapacityType?: 'units' | 'vcpu' | 'memory-mib';
  /** Of a mixed instances policy: how many units an instance counts for, as it is shown. */
  weight?: number;
  /** The version of the launch template, as the group names it: a number, `$Latest` or `$Default`. @default `1` */
  launchTemplateVersion?: string;
  /** Instance types are chosen by attributes, in a mixed instances policy. */
  attributeBased?: boolean;
  /**
   * Whether an instance refresh waits for the instances of a batch until they are terminated, hooks included, before it begins the
   * next. AWS does not say.
   * @default true
   */
  refreshAwaitsTermination?: boolean;
}

/** The launch template of a group, and the versions that it has. */
export interface LaunchTemplate {
  version: string;
  latest: number;
  default: number;
}

/** What an instance refresh has a group do beside what its desired capacity says. */
export interface Refreshing {
  /** How many instances more than the desired capacity there should be; below 0, fewer. */
  surplus: number;
  /** The version of the launch template that new instances have. */
  version: number;
  /** Whether it may terminate this instance in service. */
  mayReplace: (instance: Member) => boolean;
}

export interface Group {
  name: string;
  arn: string;
  hooks: Map<string, Hook>;
  warmPool?: WarmPool;
  retainOnAbandon: boolean;
  deletionProtection: DeletionProtection | null;
  terminationPolicies: readonly string[];
  onDemandPercentage: number;
  deregistrationSeconds: number;
  minSize: number;
  maxSize: number;
  desiredCapacity: number;
  createdAt: number;
  suspendedProcesses: readonly string[];
  desiredCapacityType?: 'units' | 'vcpu' | 'memory-mib';
  weight?: number;
  launchTemplate: LaunchTemplate;
  attributeBased: boolean;
  refreshAwaitsTermination: boolean;
  /** While an instance refresh is under way. */
  refreshing?: Refreshing;
}

/** The version of the launch template that an instance launched now has. */
export function versionToLaunch({ launchTemplate, refreshing }: Group): number {
  return refreshing?.version ?? resolveVersion(launchTemplate, launchTemplate.version);
}

/** What `$Latest` and `$Default` stand for now. */
export function resolveVersion({ latest, default: byDefault }: LaunchTemplate, version: string): number {
  if (version === '$Latest') return latest;
  return version === '$Default' ? byDefault : Number(version);
}

/** What Auto Scaling knows of an instance of one of its groups. */
interface Membership {
  group: Group;
  state: LifecycleState;
  /** The state that Describe calls answer: behind `state` by the world's `describeLagMs`. */
  shown: LifecycleState;
  healthy: boolean;
  /** Of its launch template. */
  version: number;
  /** When it entered service; milliseconds since the epoch. */
  inServiceAt?: number;
  /** How long this one takes to deregister, if not as long as its group says. */
  deregistrationSeconds?: number;
}

/** What EC2 has planned for an instance. Times in milliseconds since 1970. */
export interface ScheduledEvent {
  id: string;
  code: 'instance-retirement' | 'instance-reboot' | 'system-reboot' | 'system-maintenance' | 'instance-stop';
  description: string;
  notBefore: number;
  notAfter?: number;
}

export type MarketOption = 'on-demand' | 'spot';

/** The request of a Spot instance. */
export interface SpotRequest {
  id: string;
  code:
    | 'fulfilled'
    | 'marked-for-stop'
    | 'instance-stopped-no-capacity'
    | 'instance-stopped-by-user'
    | 'instance-terminated-no-capacity'
    | 'instance-terminated-by-user';
  /** Milliseconds since 1970. */
  updatedAt: number;
}

/** An instance as EC2 knows it, and as its group does while it is in one. */
export interface Instance {
  id: string;
  privateIp: string;
  privateDns: string;
  ipv6?: string;
  ipv6Only: boolean;
  secondInterface?: { privateIp: string; more?: readonly string[]; ipv6?: string; attachedAt?: number };
  zone: string;
  market: MarketOption;
  /** Of a Spot instance. */
  spotRequest?: SpotRequest;
  launchedAt: number;
  ec2State: InstanceStateName;
  /** The name of the group that launched it: the tag outlives the membership. */
  groupTag?: string;
  member?: Membership;
  /** Scale-in protection: Auto Scaling does not choose it. */
  protectedFromScaleIn: boolean;
  /** Terminated so long ago that EC2 says it does not exist. */
  forgotten?: boolean;
  scheduledEvents?: ScheduledEvent[];
}

/** An instance of a group. */
export type Member = Instance & { member: Membership };

export function isMember(instance: Instance | undefined): instance is Member {
  return instance?.member !== undefined;
}

/** How long AWS takes, in milliseconds: guesses of the right order, to be set where a test needs another. */
export interface Timing {
  /** From `Terminating` to `Terminating:Wait`, and the same for the other transitions. */
  beforeWaitMs: number;
  /** From `…:Proceed` to what follows. */
  afterProceedMs: number;
  /** How long EC2 shuts an instance down, or stops it. */
  shutdownMs: number;
  /** Until Auto Scaling's health check notices that an instance died by itself. */
  healthCheckMs: number;
  /** How long `Terminated` is still shown. */
  leaveMs: number;
  /** How long EC2 still describes a terminated instance: about an hour, says AWS. */
  forgetMs: number;
  /** How far Auto Scaling's Describe calls lag behind: they are eventually consistent. */
  describeLagMs: number;
  /** "A short time", until the function of a termination policy is asked again: AWS does not say how long. */
  askAgainMs: number;
  /** How often an instance refresh sees what has changed: AWS does not say. */
  refreshStepMs: number;
}

export const DEFAULT_TIMING: Timing = {
  beforeWaitMs: 1000,
  afterProceedMs: 1000,
  shutdownMs: 30_000,
  healthCheckMs: 60_000,
  leaveMs: 1000,
  forgetMs: 3_600_000,
  describeLagMs: 0,
  askAgainMs: 30_000,
  refreshStepMs: 10_000,
};

/** How the wait of one instance at one hook ended. */
export interface Completion {
  instanceId: string;
  group: string;
  hook: string;
  token: string;
  result: LifecycleActionResult;
  by: 'call' | 'timeout' | 'global-timeout' | 'hook-deleted';
  at: number;
}

/** A heartbeat that was accepted. */
export interface Heartbeat {
  instanceId: string;
  group: string;
  hook: string;
  at: number;
}

export interface SecondInterface {
  privateIp: string;
  more?: readonly string[];
  ipv6?: string;
  /** Milliseconds since the epoch; when the instance was launched unless this says otherwise. */
  attachedAt?: number;
}
