import { Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { EVENT_SOURCE } from '../../lambda/core/drain-event.ts';

/** The bus that every account has in every region. */
const DEFAULT_BUS = 'default';

/**
 * Allows the function to put its own events on the bus, and on no other.
 * @param bus the account's default bus, where none is given
 * @returns what the function calls it: a name in the stack's own account and region, else an ARN
 */
export function grantEvents(scope: Construct, grantee: iam.IGrantable, bus?: events.IEventBus): string {
  const { eventBusArn, eventBusName, env } = bus ?? events.EventBus.fromEventBusName(scope, 'EventBus', DEFAULT_BUS);
  grantee.grantPrincipal.addToPrincipalPolicy(
    // What follows from an event trusts its source: the function may speak for itself only. All sources of one request
    // are one key, hence the set operator, which by itself would hold of none at all.
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
