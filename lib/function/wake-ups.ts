import { Duration } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { FunctionTarget } from './function-target.ts';
import { groupRules } from './group-rules.ts';

/** Which function is invoked, for which groups and hook. */
export interface WakeUpsProps {
  readonly handler: lambda.IFunction;
  /** The names of the groups; may be tokens. */
  readonly groupNames: readonly string[];
  /** The name of the lifecycle hook, the same in every group. */
  readonly hookName: string;
  /** The groups with a launching hook, and its name. */
  readonly launches: { readonly groupNames: readonly string[]; readonly hookName: string };
  /** Receives the events that EventBridge could not deliver to the function. */
  readonly deadLetterQueue: sqs.IQueue;
}

/**
 * The rules that invoke the function: one for an instance that begins to wait for the hook, one for instances that are launched where that
 * is asked for, one every minute for the sweep.
 */
export class WakeUps extends Construct {
  /** Start drains within seconds. There is more than one rule only if the names of all groups do not fit one event pattern. */
  readonly terminations: readonly events.Rule[];
  /** Takes every waiting instance one step further, once a minute. */
  readonly sweep: events.Rule;

  constructor(scope: Construct, id: string, props: WakeUpsProps) {
    super(scope, id);
    const { handler, groupNames, hookName, launches, deadLetterQueue } = props;
    // Two retries within the hour. By then a sweep has found the instance.
    const target = () =>
      new FunctionTarget(handler, { deadLetterQueue, retryAttempts: 2, maxEventAge: Duration.hours(1) });
    this.terminations = groupRules(this, 'Termination', {
      description: 'An instance waits to be terminated: drain its Nomad node',
      groupNames,
      patternFor: (names) => ({
        source: ['aws.autoscaling'],
        detailType: ['EC2 Instance-terminate Lifecycle Action'],
        detail: { AutoScalingGroupName: names, LifecycleHookName: [hookName] },
      }),
      target,
    });
    if (launches.groupNames.length > 0) {
      groupRules(this, 'Launch', {
        description: 'An instance waits to be put into service: see whether its Nomad node is ready',
        groupNames: launches.groupNames,
        patternFor: (names) => ({
          source: ['aws.autoscaling'],
          detailType: ['EC2 Instance-launch Lifecycle Action'],
          detail: { AutoScalingGroupName: names, LifecycleHookName: [launches.hookName] },
        }),
        target,
      });
    }

    this.sweep = new events.Rule(this, 'Sweep', {
      description: 'Every minute: take each waiting instance one step further',
      schedule: events.Schedule.rate(Duration.minutes(1)),
    });
    // A sweep is not retried: the next one, a minute later, does the same.
    this.sweep.addTarget(
      new FunctionTarget(handler, { deadLetterQueue, retryAttempts: 0, maxEventAge: Duration.minutes(1) }),
    );
  }
}
