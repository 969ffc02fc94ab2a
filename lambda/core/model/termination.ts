import type { EpochMs } from './clock.ts';
import type { Notice } from './notice.ts';
import type { Admission, Policy } from './policy.ts';

/**
 * An instance that Auto Scaling takes out of service and holds for our lifecycle hook, with what AWS says of it; or, with `launch`, one
 * that it holds on its way in.
 */
export interface Termination {
  instanceId: string;
  group: string;
  hook: string;
  /** Its lifecycle state, such as `Terminating:Wait`. */
  state: string;
  /** Auto Scaling holds the instance (`…:Wait`); false in the state just before that. */
  held: boolean;
  /** Why its node has to be drained though Auto Scaling does not hold it for us. Such an instance is never released by us. */
  notice?: Notice;
  /** It is on its way in: it waits for our launching hook. */
  launch?: Launch;
  /** When the wait began, or the scaling activity that it is of; absent if AWS does not say. */
  since?: EpochMs;
  /** What that is taken from. */
  sinceIs?: 'event' | 'activity';
  /** When this function environment first saw it wait: the wait is at least as old. */
  seenSince?: EpochMs;
  /** This environment has completed our lifecycle action: the instance waits for another hook of its group. */
  completed?: true;
  /** How its drain goes: the policy of its group. */
  policy: Policy;
  /** The hook's heartbeat timeout in seconds. */
  heartbeatTimeoutSeconds: number;
  /** What EC2 says of the instance; `unknown` if it could not be asked. Nothing runs on a stopped one. */
  ec2: 'running' | 'stopped' | 'gone' | 'unknown';
  /** Every private address of the instance, of both families; absent if EC2 did not say. */
  addresses?: readonly string[];
  /** The names that its host may have: its DNS names in full, and their first labels; absent if EC2 did not say. */
  names?: readonly string[];
  /** When it was last started, if EC2 said so. */
  launchedAt?: EpochMs;
}

/** Where an instance goes that waits for our launching hook, and what it has to be before. */
export interface Launch {
  into: 'service' | 'warm pool';
  admission: Admission;
}

/** The lifecycle event, as EventBridge delivers it. */
export interface LifecycleEvent {
  instanceId: string;
  group: string;
  hook: string;
  /** It waits on its way in. */
  launching?: true;
  /** When the event happened. */
  time?: EpochMs;
}

/** The transitions that lifecycle hooks are for, in AWS's words. */
export const TERMINATING = 'autoscaling:EC2_INSTANCE_TERMINATING';
export const LAUNCHING = 'autoscaling:EC2_INSTANCE_LAUNCHING';

/** The states in which Auto Scaling holds an instance for a terminating lifecycle hook. */
const HELD = ['Terminating:Wait', 'Warmed:Pending:Wait', 'Warmed:Terminating:Wait', 'ReplacingRootVolume:Wait'];
/** The states just before those. */
const GOING = ['Terminating', 'Warmed:Pending', 'Warmed:Terminating', 'ReplacingRootVolume'];

/** The states in which Auto Scaling holds an instance for a launching lifecycle hook. */
const HELD_AT_LAUNCH = ['Pending:Wait', 'Warmed:Pending:Wait'];
/** The states just before those. */
const COMING = ['Pending', 'Warmed:Pending'];

/** The end of the states of an instance whose lifecycle action was abandoned in a group that retains it. */
const RETAINED = ':Retained';

export const isRetained = (state: string): boolean => state.endsWith(RETAINED);
export const isHeld = (state: string | undefined): boolean => HELD.includes(state ?? '');
export const isGoing = (state: string | undefined): boolean => GOING.includes(state ?? '');

export const isHeldAtLaunch = (state: string | undefined): boolean => HELD_AT_LAUNCH.includes(state ?? '');
export const isComing = (state: string | undefined): boolean => COMING.includes(state ?? '');

/**
 * Only a heartbeat tells that it waits for our hook: an instance that is launched into a warm pool waits in the same state as one that
 * returns to it, and one that is launched may wait for other launching hooks.
 */
export const mayBeAnothers = ({ state, launch }: Pick<Termination, 'state' | 'launch'>): boolean =>
  state === 'Warmed:Pending:Wait' || launch !== undefined;
