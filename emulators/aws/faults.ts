import type { EmulatorRequest, Fault, Mishap } from '../server.ts';
import { autoScalingError, ec2Error, ssmError } from './services.ts';

/** What the function asks of AWS, and changes there. */
export type Action =
  | 'DescribeAutoScalingGroups'
  | 'DescribeAutoScalingInstances'
  | 'DescribeLifecycleHooks'
  | 'DescribeScalingActivities'
  | 'DescribeWarmPool'
  | 'CompleteLifecycleAction'
  | 'RecordLifecycleActionHeartbeat'
  | 'DescribeInstances'
  | 'DescribeInstanceStatus'
  | 'DescribeSpotInstanceRequests'
  | 'GetParameters'
  | 'SendCommand'
  | 'GetCommandInvocation'
  | 'PutEvents'
  | 'GetWebIdentityToken';

/** Some of the requests of a service; what is left out matches all. */
export interface Requests {
  action?: Action | readonly Action[];
  /** Those that name this group; one that names none, and so asks about all, is not among them. */
  group?: string;
  /** Those that name this instance, by its id. */
  instanceId?: string;
  /** How many of them, from the first. */
  times?: number;
}

/** For `aws.servers.….fault`: these requests meet with a mishap, and all others are answered. */
export function failing(requests: Requests, mishap: Mishap | Fault): Fault {
  let left = requests.times ?? Number.POSITIVE_INFINITY;
  return (request) => {
    if (!isAmong(requests, request) || left-- <= 0) return undefined;
    return typeof mishap === 'function' ? mishap(request) : mishap;
  };
}

/** These requests are never answered. */
export const silent = (requests: Requests = {}): Fault => failing(requests, 'silence');

/** These requests are refused as too many, in the words of their service. */
export const throttled = (requests: Requests = {}): Fault =>
  failing(requests, (request) => {
    // RequestLimitExceeded: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    if (isOfEc2(request)) return ec2Error('RequestLimitExceeded', 'Request limit exceeded.', 503);
    if (request.headers['x-amz-target']) return ssmError('ThrottlingException', 'Rate exceeded');
    return autoScalingError('Throttling', 'Rate exceeded');
  });

/** The first of these faults that has something against a request. */
export const either =
  (...faults: Fault[]): Fault =>
  async (request) => {
    for (const fault of faults) {
      const mishap = await fault(request);
      if (mishap !== undefined) return mishap;
    }
    return undefined;
  };

function isAmong({ action, group, instanceId }: Requests, request: EmulatorRequest): boolean {
  if (action !== undefined && ![action].flat().includes(actionOf(request))) return false;
  const named = namesIn(request);
  return [group, instanceId].every((name) => name === undefined || named.has(name));
}

/** In the header of the JSON protocols, else in the form. */
function actionOf({ headers, body }: EmulatorRequest): Action {
  const target = headers['x-amz-target'];
  return (target ? String(target).split('.').at(-1) : new URLSearchParams(body).get('Action')) as Action;
}

/** Each value that is written in the request: a group is named by itself, in a list, or in a filter. */
function namesIn({ headers, body }: EmulatorRequest): ReadonlySet<string> {
  const names = new Set<string>();
  const gather = (value: unknown) => {
    if (typeof value === 'string') names.add(value);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(gather);
  };
  gather(headers['x-amz-target'] ? JSON.parse(body || '{}') : [...new URLSearchParams(body).values()]);
  return names;
}

const isOfEc2 = ({ body }: EmulatorRequest) => new URLSearchParams(body).get('Version') === '2016-11-15';
