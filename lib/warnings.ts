import { Annotations, type Duration } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { inFull } from '../lambda/config/durations.ts';
import { lapsesBeforeSweep } from '../lambda/core/decide/deadlines.ts';
import { type GroupTimes, labelOf } from './monitoring/group-times.ts';

/** In seconds. A drain deadline below it is more likely a slip, `6s` for `6h`, than what a build needs. */
const SHORT_DEADLINE = 60;

/** Warns of times that are allowed, and cost builds all the same. Each warning can be acknowledged by its id. */
export function warnOfTimes(scope: IConstruct, groups: readonly GroupTimes[], heartbeatTimeout: Duration): void {
  const timeout = heartbeatTimeout.toSeconds();
  if (lapsesBeforeSweep(timeout)) {
    Annotations.of(scope).addWarningV2(
      'nomad-drain-hook:shortHook',
      `hook.heartbeatTimeout: a hook of ${timeout} s may lapse before a sweep comes. The run of ` +
        'the event bridges that, but EventBridge may lose an event, and the instance is then ended with its builds. ' +
        'Give it 2 minutes or more.',
    );
  }
  for (const each of groups.filter(({ deadlineSeconds }) => deadlineSeconds < SHORT_DEADLINE)) {
    const whose = groups.length > 1 ? ` of ${labelOf(each)}` : '';
    Annotations.of(scope).addWarningV2(
      'nomad-drain-hook:shortDeadline',
      `The drain deadline${whose} is ${inFull(each.deadlineSeconds)}: builds that need longer are killed when their instance is ` +
        'terminated. Give it the time of the longest build.',
    );
  }
}
