import { autoScalingError, ec2Error } from '../emulators/aws/services.ts';
import type { ManualClock } from '../emulators/clock.ts';
import type { Fault, Mishap } from '../emulators/server.ts';
import type { NomadFault } from './steps.ts';

/** This fault for the first requests, then none. */
export function failing(requests: number, fault: Fault): Fault {
  let left = requests;
  return (request) => (left-- > 0 ? fault(request) : undefined);
}

export function nomadFault(how: NomadFault, clock: ManualClock): Fault {
  if (how === 'hang-up' || how === 'answer lost' || how === 'silence') return () => how;
  if (how === 'garbage') return () => ({ status: 200, body: '<html>' });
  if (how !== 'slow') return () => ({ status: how, body: how === 403 ? 'Permission denied' : 'no' });
  return async (request) => {
    request.park();
    await clock.sleep(3_000);
    request.resume();
    return undefined;
  };
}

export const autoScalingFault = (code: 'Throttling' | 'ResourceContention'): Mishap =>
  autoScalingError(code, 'Rate exceeded', code === 'Throttling' ? 400 : 500);

export const ec2Fault = (how: 'RequestLimitExceeded' | 'UnauthorizedOperation' | 'silence'): Mishap =>
  how === 'silence' ? how : ec2Error(how, 'Request limit exceeded.', how === 'RequestLimitExceeded' ? 503 : 403);

/** An event that Auto Scaling has not sent. */
export const strayEvent = (instanceId: string) => ({
  source: 'aws.autoscaling',
  'detail-type': 'EC2 Instance-terminate Lifecycle Action',
  detail: {
    AutoScalingGroupName: 'builders',
    LifecycleHookName: 'nomad-drain',
    EC2InstanceId: instanceId,
    LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
  },
});
