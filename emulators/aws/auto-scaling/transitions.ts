import type { LifecycleTransition } from '../model.ts';

/** One way of an instance through its lifecycle: `first`, then `first:Wait` while hooks wait, then `first:Proceed`. */
export interface Transition {
  first: 'Pending' | 'Terminating' | 'Warmed:Pending' | 'Warmed:Terminating' | 'ReplacingRootVolume';
  /** The hooks that it waits for. */
  waitsFor: LifecycleTransition;
  origin: 'EC2' | 'AutoScalingGroup' | 'WarmPool';
  destination: 'EC2' | 'AutoScalingGroup' | 'WarmPool';
  action?: 'ReplaceRootVolume';
  /** Out of service: a load balancer deregisters the instance first. */
  deregisters?: true;
  /** The Description of its scaling activity, before the instance id. */
  activity: string;
}

const LAUNCHING = 'autoscaling:EC2_INSTANCE_LAUNCHING';
const TERMINATING = 'autoscaling:EC2_INSTANCE_TERMINATING';

/**
 * The ways there are, each with the hooks it waits for.
 * https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html
 * https://docs.aws.amazon.com/autoscaling/ec2/userguide/warm-pool-instance-lifecycle.html
 * https://docs.aws.amazon.com/autoscaling/ec2/userguide/replace-root-volume.html
 */
export const TRANSITIONS = {
  launch: {
    first: 'Pending',
    waitsFor: LAUNCHING,
    origin: 'EC2',
    destination: 'AutoScalingGroup',
    activity: 'Launching a new EC2 instance:',
  },
  terminate: {
    first: 'Terminating',
    waitsFor: TERMINATING,
    origin: 'AutoScalingGroup',
    destination: 'EC2',
    deregisters: true,
    activity: 'Terminating EC2 instance:',
  },
  launchIntoWarmPool: {
    first: 'Warmed:Pending',
    waitsFor: LAUNCHING,
    origin: 'EC2',
    destination: 'WarmPool',
    activity: 'Launching a new EC2 instance into warm pool:',
  },
  startFromWarmPool: {
    first: 'Pending',
    waitsFor: LAUNCHING,
    origin: 'WarmPool',
    destination: 'AutoScalingGroup',
    activity: 'Launching a new EC2 instance from warm pool:',
  },
  // Scale-in under ReuseOnScaleIn: the same state as on the way in from EC2, but it waits for the terminating hook.
  returnToWarmPool: {
    first: 'Warmed:Pending',
    waitsFor: TERMINATING,
    origin: 'AutoScalingGroup',
    destination: 'WarmPool',
    deregisters: true,
    activity: 'Returning EC2 instance to warm pool:',
  },
  terminateFromWarmPool: {
    first: 'Warmed:Terminating',
    waitsFor: TERMINATING,
    origin: 'WarmPool',
    destination: 'EC2',
    activity: 'Terminating EC2 instance from warm pool:',
  },
  // https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-eventbridge-events.html
  replaceRootVolume: {
    first: 'ReplacingRootVolume',
    waitsFor: TERMINATING,
    origin: 'AutoScalingGroup',
    destination: 'AutoScalingGroup',
    action: 'ReplaceRootVolume',
    activity: 'Replacing root volume of EC2 instance:',
  },
  // The second half of the same: the instance waits for the launching hooks before it serves again.
  serveFromNewRootVolume: {
    first: 'Pending',
    waitsFor: LAUNCHING,
    origin: 'AutoScalingGroup',
    destination: 'AutoScalingGroup',
    action: 'ReplaceRootVolume',
    activity: 'Replacing root volume of EC2 instance:',
  },
} as const satisfies Record<string, Transition>;

export type TransitionName = keyof typeof TRANSITIONS;
