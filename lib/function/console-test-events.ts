import { RemovalPolicy } from 'aws-cdk-lib';
import * as eventschemas from 'aws-cdk-lib/aws-eventschemas';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';

/** What the Lambda console's Test button offers, by the name it is offered under. */
export const TEST_EVENTS = {
  /** Only looks, and says what would be done next. */
  status: { command: 'status' },
  /** Says step by step what would be done for this instance. Put in one of yours. */
  dryRun: { command: 'dryRun', instanceId: 'i-0123456789abcdef0' },
  /** Does now what each minute does: takes every waiting instance one step further. */
  sweep: { source: 'aws.events', 'detail-type': 'Scheduled Event' },
} as const;

/** The registry of all shareable test events of an account and region, whichever function they are for. */
const REGISTRY = 'lambda-testevent-schemas';

/** Ready-made events for the function in the Lambda console. */
export interface TestEventsOptions {
  /**
   * Whether to make the registry `lambda-testevent-schemas`. It holds the test events of all functions of an account and
   * region, and there can be only one: the console makes it with the first event that anybody shares. Made here, it stays
   * when the stack is deleted, with the events of others; the next stack then finds it there.
   * @default false
   */
  readonly createRegistry?: boolean;
}

/**
 * Shareable test events, which everybody who may use the registry finds at the function's Test tab, and
 * `sam remote test-event` too.
 *
 * Two names are given here, against the habit of leaving names to CloudFormation, because the console looks for them: the
 * registry's, and the schema's, which is made of the function's own (`_<function>-schema`), so that stacks do not collide.
 */
export class ConsoleTestEvents extends Construct {
  readonly schema: eventschemas.CfnSchema;

  constructor(scope: Construct, id: string, handler: lambda.IFunction, { createRegistry }: TestEventsOptions) {
    super(scope, id);
    this.schema = new eventschemas.CfnSchema(this, 'Schema', {
      registryName: REGISTRY,
      schemaName: `_${handler.functionName}-schema`,
      type: 'OpenApi3',
      description: 'Events to test the Nomad drain hook with',
      content: JSON.stringify(testEventDocument()),
    });
    if (createRegistry) {
      const registry = new eventschemas.CfnRegistry(this, 'Registry', {
        registryName: REGISTRY,
        description: 'Shareable test events of the Lambda console',
      });
      registry.applyRemovalPolicy(RemovalPolicy.RETAIN);
      this.schema.node.addDependency(registry);
    }
  }
}

/** The document as the console and the SAM CLI write it: the events are its examples, its schema is any object. */
function testEventDocument(): object {
  const examples = Object.entries(TEST_EVENTS).map(([name, value]) => [name, { value }]);
  return {
    openapi: '3.0.0',
    info: { version: '1.0.0', title: 'Event' },
    paths: {},
    components: { schemas: { Event: { type: 'object' } }, examples: Object.fromEntries(examples) },
  };
}
