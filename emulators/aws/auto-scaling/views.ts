import type { LifecycleState } from '@aws-sdk/client-auto-scaling';
import type { InstanceStateName } from '@aws-sdk/client-ec2';
import type { InstanceOptions } from '../ec2/fleet.ts';

/** An instance as a test looks at it. */
export interface InstanceView {
  id: string;
  privateIp: string;
  privateDns: string;
  ec2State: InstanceStateName;
  /** The group that it is in, and where it stands there; undefined once it has left. */
  group: string | undefined;
  state: LifecycleState | undefined;
}

export interface LaunchOptions extends InstanceOptions {
  into?: 'AutoScalingGroup' | 'WarmPool';
}
