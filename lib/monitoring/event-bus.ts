import { Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { EVENT_SOURCE } from '../../lambda/core/model/drain-event.ts';

/** The event bus that each account has in each region. */
const DEFAULT_BUS = 'default';

/**
 * Allows the function to put its own events on the bus, and on no other.
 * @param bus by default the account's default bus
 * @returns the bus as PutEvents takes it: its name in the stack's own account and region, else its ARN
 */
export function grantEvents(scope: Construct, grantee: iam.IGrantable, bus?: events.IEventBus): string {
  const { eventBusArn, eventBusName, env } = bus ?? events.EventBus.fromEventBusName(scope, 'EventBus', DEFAULT_BUS);
  grantee.grantPrincipal.addToPrincipalPolicy(
    // Consumers trust the source of an event, so the function may use its own source only. The condition key has the
    // sources of all entries of a request, hence the set operator; it is true for no source at all, hence Null.
    new iam.PolicyStatement({
      sid: 'TellEvents',
      actions: ['events:PutEvents'],
      resources: [eventBusArn],
      conditions: {
        'ForAllValues:StringEquals': { 'events:source': EVENT_SOURCE },
        Null: { 'events:source': 'false' },
      },
    }),
  );
  const { account, region } = Stack.of(scope);
  return env.account === account && env.region === region ? eventBusName : eventBusArn;
}
