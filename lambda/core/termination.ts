/** An instance that Auto Scaling takes out of service and holds for our lifecycle hook, as far as AWS knows it. */
export interface Termination {
  instanceId: string;
  group: string;
  hook: string;
  /** Auto Scaling's word for where the instance is, such as `Terminating:Wait`. */
  state: string;
  /** Auto Scaling holds the instance (`…:Wait`); before that it has only said that the instance goes. */
  held: boolean;
  /** Names this one lifecycle action; known from the event only. */
  token?: string;
  /** When the wait began, milliseconds since the epoch; absent where nobody could tell. */
  since?: number;
  /** When this function environment first saw it wait: the wait is at least as old. Milliseconds since the epoch. */
  seenSince?: number;
  /** The hook's heartbeat timeout in seconds. */
  heartbeatTimeoutSeconds: number;
  /** What EC2 says of the instance; `unknown` where it could not be asked. On one that is stopped nothing runs. */
  ec2: 'running' | 'stopped' | 'gone' | 'unknown';
  /** Every private address of the instance, of both families; absent where EC2 did not say. */
  addresses?: readonly string[];
  /** What its host may be called: its DNS names, in full and their first labels; absent where EC2 did not say. */
  names?: readonly string[];
  /** When it was last started, milliseconds since the epoch, as far as EC2 said. */
  launchedAt?: number;
}

/** The states in which Auto Scaling holds an instance for a terminating lifecycle hook. */
const HELD = ['Terminating:Wait', 'Warmed:Pending:Wait', 'Warmed:Terminating:Wait', 'ReplacingRootVolume:Wait'];
/** The states just before: Auto Scaling has said that the instance goes. */
const GOING = ['Terminating', 'Warmed:Pending', 'Warmed:Terminating', 'ReplacingRootVolume'];

export const isHeld = (state: string | undefined): boolean => HELD.includes(state ?? '');
export const isGoing = (state: string | undefined): boolean => GOING.includes(state ?? '');
