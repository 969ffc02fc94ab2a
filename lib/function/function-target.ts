import type { Duration } from 'aws-cdk-lib';
import type * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sqs from 'aws-cdk-lib/aws-sqs';

/** How a rule invokes a function. */
export interface FunctionTargetProps {
  /** How often an invocation that Lambda refused is retried. */
  readonly retryAttempts: number;
  /** An event that is older is not delivered any more. */
  readonly maxEventAge: Duration;
  /** Receives the events that were not delivered. */
  readonly deadLetterQueue?: sqs.IQueue;
  /**
   * What the function is invoked with.
   * @default - the event
   */
  readonly event?: events.RuleTargetInput;
}

/**
 * The function as the target of a rule. The CDK's own `LambdaFunction` names the permission after the whole construct path: its logical
 * id changes with the stage and the id of the stack, and so does what the lifecycle hooks depend on.
 */
export class FunctionTarget implements events.IRuleTarget {
  readonly #handler: lambda.IFunction;
  readonly #props: FunctionTargetProps;

  constructor(handler: lambda.IFunction, props: FunctionTargetProps) {
    this.#handler = handler;
    this.#props = props;
  }

  bind(rule: events.IRule): events.RuleTargetConfig {
    const { functionArn } = this.#handler;
    const { retryAttempts, maxEventAge, deadLetterQueue, event } = this.#props;
    const principal = 'events.amazonaws.com';
    new lambda.CfnPermission(rule, 'Invoke', {
      action: 'lambda:InvokeFunction',
      functionName: functionArn,
      principal,
      sourceArn: rule.ruleArn,
    });
    deadLetterQueue?.addToResourcePolicy(
      new iam.PolicyStatement({
        actions: ['sqs:SendMessage'],
        principals: [new iam.ServicePrincipal(principal)],
        resources: [deadLetterQueue.queueArn],
        conditions: { ArnEquals: { 'aws:SourceArn': rule.ruleArn } },
      }),
    );
    return {
      arn: functionArn,
      retryPolicy: { maximumRetryAttempts: retryAttempts, maximumEventAgeInSeconds: maxEventAge.toSeconds() },
      ...(deadLetterQueue && { deadLetterConfig: { arn: deadLetterQueue.queueArn } }),
      ...(event && { input: event }),
      targetResource: this.#handler,
    };
  }
}
