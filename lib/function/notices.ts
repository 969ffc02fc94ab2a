import { Duration } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { DELIVERED_FOR_SECONDS, MAINTENANCE_PREFIXES } from '../../lambda/events/interruptions.ts';
import type { Terms } from '../group-terms.ts';
import { FunctionTarget } from './function-target.ts';

/** EC2 ends the instance, hook or not: a Spot instance, or one of an interruptible capacity reservation. */
const INTERRUPTIONS = [
  'EC2 Spot Instance Interruption Warning',
  'EC2 Capacity Reservation Instance Interruption Warning',
];

/** What is acted on in any of the groups. */
export interface ActedOn {
  readonly spot: boolean;
  readonly rebalance: boolean;
  readonly maintenance: boolean;
}

/** What is acted on in any of these groups. */
export const actedOn = (groups: readonly Terms[]): ActedOn => ({
  spot: groups.some(({ notices }) => notices.spot),
  rebalance: groups.some(({ notices }) => notices.rebalance !== 'off'),
  maintenance: groups.some(({ notices }) => notices.maintenance),
});

/** What is acted on, and who acts. */
export interface NoticesProps {
  readonly notices: ActedOn;
  readonly handler: lambda.IFunction;
  /** Receives the events that EventBridge could not deliver to the function. */
  readonly deadLetterQueue: sqs.IQueue;
}

/**
 * The rules that invoke the function when an instance is about to go; each is made only if that is acted on. Events of EC2 and AWS
 * Health name no group, so those of all instances of the account and region come.
 */
export class Notices extends Construct {
  readonly #props: NoticesProps;

  constructor(scope: Construct, id: string, props: NoticesProps) {
    super(scope, id);
    this.#props = props;
    const { notices } = props;

    if (notices.spot) {
      this.#rule('Spot', 'EC2 interrupts an instance in two minutes: drain its Nomad node', {
        pattern: { source: ['aws.ec2'], detailType: [...INTERRUPTIONS] },
        // Two minutes after the warning the instance is gone.
        target: this.#target(2, DELIVERED_FOR_SECONDS.spot),
      });
    }
    if (notices.rebalance) {
      this.#rule('Rebalance', 'EC2 may interrupt a Spot instance soon: drain or cordon its Nomad node', {
        pattern: { source: ['aws.ec2'], detailType: ['EC2 Instance Rebalance Recommendation'] },
        target: this.#target(2, DELIVERED_FOR_SECONDS.rebalance),
      });
    }
    if (notices.maintenance) {
      this.#rule('Maintenance', 'Maintenance of an instance is scheduled: drain its Nomad node in time', {
        pattern: {
          source: ['aws.health'],
          detailType: ['AWS Health Event'],
          detail: {
            service: ['EC2'],
            eventTypeCategory: ['scheduledChange'],
            eventTypeCode: MAINTENANCE_PREFIXES.map((prefix) => ({ prefix })),
          },
        },
        // It is announced days before it starts.
        target: this.#target(4, DELIVERED_FOR_SECONDS.maintenance),
      });
    }
  }

  #rule(id: string, description: string, rule: { pattern: events.EventPattern; target: events.IRuleTarget }): void {
    new events.Rule(this, id, { description, eventPattern: rule.pattern, targets: [rule.target] });
  }

  #target(retryAttempts: number, seconds: number): events.IRuleTarget {
    const { handler, deadLetterQueue } = this.#props;
    return new FunctionTarget(handler, { deadLetterQueue, retryAttempts, maxEventAge: Duration.seconds(seconds) });
  }
}
