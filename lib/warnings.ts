import { Annotations, type Duration } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { inFull } from '../lambda/config/durations.ts';
import { lapsesBeforeSweep } from '../lambda/core/decide/deadlines.ts';
import type { Policy } from '../lambda/core/model/policy.ts';

/** In seconds. A drain deadline below it is more likely a slip, `6s` for `6h`, than what a build needs. */
const SHORT_DEADLINE = 60;

/** Warns of times that are allowed, and cost builds all the same. Each warning can be acknowledged by its id. */
export function warnOfTimes(scope: IConstruct, policy: Policy, heartbeatTimeout: Duration): void {
  const timeout = heartbeatTimeout.toSeconds();
  if (lapsesBeforeSweep(timeout)) {
    Annotations.of(scope).addWarningV2(
      'nomad-drain-hook:shortHook',
      `hook.heartbeatTimeout: a hook of ${timeout} s may lapse before a sweep comes. The run of ` +
        'the event bridges that, but EventBridge may lose an event, and the instance is then ended with its builds. ' +
        'Give it 2 minutes or more.',
    );
  }
  if (policy.deadlineSeconds < SHORT_DEADLINE) {
    Annotations.of(scope).addWarningV2(
      'nomad-drain-hook:shortDeadline',
      `The drain deadline is ${inFull(policy.deadlineSeconds)}: builds that need longer are killed when their instance is ` +
        'terminated. Give it the time of the longest build.',
    );
  }
}
