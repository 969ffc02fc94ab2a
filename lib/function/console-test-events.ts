import { RemovalPolicy } from 'aws-cdk-lib';
import * as eventschemas from 'aws-cdk-lib/aws-eventschemas';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';

/** In place of an instance id of yours. */
const INSTANCE = 'i-0123456789abcdef0';

/** The events that the Test button of the Lambda console offers, by name. */
export const TEST_EVENTS = {
  /** Changes nothing; reports every waiting instance and what the next sweep would do. */
  status: { command: 'status' },
  /** Changes nothing; reports step by step what would be done for this instance. Put in an instance id of yours. */
  dryRun: { command: 'dryRun', instanceId: INSTANCE },
  /** Changes nothing; says which clients there are, and how many such allocations fit on them. */
  capacity: { command: 'capacity', cpu: 1000, memoryMb: 2048 },
  /** Changes nothing; says which jobs wait, and why. Leave out the status for all. */
  jobs: { command: 'jobs', status: 'pending' },
  /** Changes nothing; gives the end of what the builds on an instance write. Put in an instance id of yours. */
  logs: { command: 'logs', instanceId: INSTANCE },
  /** Changes nothing; says what is not set up as it has to be. */
  doctor: { command: 'doctor' },
  /** Changes nothing; reports what a scale-in would mean now for each instance. */
  plan: { command: 'plan' },
  /** Runs a sweep now: takes every waiting instance one step further. */
  sweep: { source: 'aws.events', 'detail-type': 'Scheduled Event' },
  /** Changes nothing; reports what would be done if EC2 interrupted this Spot instance in two minutes. */
  spot: {
    dryRun: true,
    source: 'aws.ec2',
    'detail-type': 'EC2 Spot Instance Interruption Warning',
    detail: { 'instance-id': INSTANCE, 'instance-action': 'terminate' },
  },
  /** Changes nothing; reports what would be done if EC2 recommended to replace this Spot instance. */
  rebalance: {
    dryRun: true,
    source: 'aws.ec2',
    'detail-type': 'EC2 Instance Rebalance Recommendation',
    detail: { 'instance-id': INSTANCE },
  },
  /** Changes nothing; reports what would be done about maintenance of this instance. Put in a time that suits you. */
  maintenance: {
    dryRun: true,
    source: 'aws.health',
    'detail-type': 'AWS Health Event',
    detail: {
      service: 'EC2',
      eventTypeCode: 'AWS_EC2_INSTANCE_REBOOT_MAINTENANCE_SCHEDULED',
      eventTypeCategory: 'scheduledChange',
      statusCode: 'upcoming',
      startTime: 'Thu, 01 Jan 2099 00:00:00 GMT',
      affectedEntities: [{ entityValue: INSTANCE }],
    },
  },
} as const;

/** The registry of all shareable test events of an account and region, whichever function they are for. */
const REGISTRY = 'lambda-testevent-schemas';

/** Ready-made events for the function in the Lambda console. */
export interface TestEventsOptions {
  /**
   * Whether to make the registry `lambda-testevent-schemas`. It has the test events of all functions of an account and
   * region, and there can be only one: the console makes it with the first event that any user shares. If this stack makes it,
   * it stays when the stack is deleted, with the events of others; the next stack must not make it again.
   * @default false
   */
  readonly createRegistry?: boolean;
}

/**
 * Shareable test events. Everybody with access to the registry finds them in the function's Test tab and by
 * `sam remote test-event`.
 *
 * The registry and the schema have fixed names, because the console searches for them. The schema's contains the function's
 * own name (`_<function>-schema`), so that stacks do not collide.
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
export function testEventDocument(): object {
  const examples = Object.entries(TEST_EVENTS).map(([name, value]) => [name, { value }]);
  return {
    openapi: '3.0.0',
    info: { version: '1.0.0', title: 'Event' },
    paths: {},
    components: { schemas: { Event: { type: 'object' } }, examples: Object.fromEntries(examples) },
  };
}
