import { type Action, failing as failingCalls } from '../../emulators/aws/faults.ts';
import { autoScalingError, ec2Error } from '../../emulators/aws/services.ts';
import type { ManualClock } from '../../emulators/clock.ts';
import type { NomadEmulator } from '../../emulators/nomad/emulator.ts';
import type { Fault, Mishap } from '../../emulators/server.ts';
import type { NomadFault } from './steps.ts';

/** A function that asks less is not in trouble for longer than one that asks more, in milliseconds. */
export const LONGEST_FAULT_MS = 180_000;

/** This fault for the first requests, if they come soon; then none. */
export function failing(requests: number, fault: Fault, clock: ManualClock): Fault {
  let left = requests;
  const until = clock.now() + LONGEST_FAULT_MS;
  return (request) => (clock.now() < until && left-- > 0 ? fault(request) : undefined);
}

/** These calls are never answered. */
export const silentCalls = (action: Action, requests: number, clock: ManualClock): Fault => {
  const until = clock.now() + LONGEST_FAULT_MS;
  return failingCalls({ action, times: requests }, () => (clock.now() < until ? 'silence' : undefined));
};

/** The next requests meet with this. */
export function failNomad(nomad: NomadEmulator, how: NomadFault, requests: number, clock: ManualClock): void {
  if (how !== 'hollow') {
    nomad.server.fault = failing(requests, nomadFault(how, clock), clock);
    return;
  }
  const hollow = failing(requests, () => 'hang-up', clock);
  nomad.hollow = (request) => hollow(request) !== undefined;
}

function nomadFault(how: Exclude<NomadFault, 'hollow'>, clock: ManualClock): Fault {
  switch (how) {
    case 'hang-up':
    case 'answer lost':
    case 'silence':
      return () => how;
    case 'garbage':
      return () => ({ status: 200, body: '<html>' });
    case 'slow':
      return async (request) => {
        request.park();
        await clock.sleep(3_000);
        request.resume();
        return undefined;
      };
    case 404:
      return () => ({ status: 404, headers: { 'Content-Type': 'text/plain' }, body: '404 page not found\n' });
    case 502:
    case 504:
      return () => ({ status: how, headers: { 'Content-Type': 'text/html' }, body: `<html><h1>${how}</h1></html>` });
    default:
      return () => ({ status: how, body: how === 403 ? 'Permission denied' : 'no' });
  }
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
