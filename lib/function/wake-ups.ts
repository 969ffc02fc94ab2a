import { Duration, Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { deployedLength } from './deployed-size.ts';

/** EventBridge's limit for an event pattern, in characters. */
const PATTERN_CHARACTERS = 2048;

/** Who is woken, for whom. */
export interface WakeUpsProps {
  readonly handler: lambda.IFunction;
  /** The names of the groups; may be tokens. */
  readonly groupNames: readonly string[];
  /** The name of the lifecycle hook, the same in every group. */
  readonly hookName: string;
  /** Takes the events that EventBridge could not hand to the function. */
  readonly deadLetterQueue: sqs.IQueue;
}

/** What wakes the function: an instance that begins to wait for the hook, and every minute the sweep. */
export class WakeUps extends Construct {
  /** Begins drains within seconds. More than one rule only if the names of all groups do not fit one event pattern. */
  readonly terminations: readonly events.Rule[];
  /** Takes every waiting instance one step further, once a minute. */
  readonly sweep: events.Rule;

  constructor(scope: Construct, id: string, { handler, groupNames, hookName, deadLetterQueue }: WakeUpsProps) {
    super(scope, id);
    const pattern = (names: string[]) => ({
      source: ['aws.autoscaling'],
      detailType: ['EC2 Instance-terminate Lifecycle Action'],
      detail: { AutoScalingGroupName: names, LifecycleHookName: [hookName] },
    });

    const room = PATTERN_CHARACTERS - JSON.stringify(pattern([])).length;
    const sizeOf = (name: string) => deployedLength(name, Stack.of(this)) + '"",'.length;
    this.terminations = packed(groupNames, sizeOf, room).map((names, index) => {
      const rule = new events.Rule(this, `Termination${index || ''}`, {
        description: 'An instance waits to be terminated: drain its Nomad node',
        eventPattern: pattern(names),
      });
      // Two tries more within the hour; after that the sweep has long found the instance by itself.
      rule.addTarget(
        new LambdaFunction(handler, { deadLetterQueue, retryAttempts: 2, maxEventAge: Duration.hours(1) }),
      );
      return rule;
    });

    this.sweep = new events.Rule(this, 'Sweep', {
      description: 'Every minute: take each waiting instance one step further',
      schedule: events.Schedule.rate(Duration.minutes(1)),
    });
    // A sweep is not tried again: the next minute's does all that this one would have done.
    this.sweep.addTarget(
      new LambdaFunction(handler, { deadLetterQueue, retryAttempts: 0, maxEventAge: Duration.minutes(1) }),
    );
  }
}

/** The items in as few lists as their sizes need, in order. */
function packed(items: readonly string[], sizeOf: (item: string) => number, room: number): string[][] {
  const lists: string[][] = [];
  let left = 0;
  for (const item of items) {
    left -= sizeOf(item);
    const last = lists.at(-1);
    if (last && left >= 0) last.push(item);
    else {
      lists.push([item]);
      left = room - sizeOf(item);
    }
  }
  return lists;
}
