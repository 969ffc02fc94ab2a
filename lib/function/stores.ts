import { Aws, Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { NomadDrainHookProps } from '../props.ts';

/** What is kept of runs: the log, and the queues of what failed. Their ids are those of the construct that they are made for. */
export class Stores {
  readonly logGroup: logs.ILogGroup;
  readonly #scope: Construct;
  readonly #props: Pick<NomadDrainHookProps, 'encryptionKey' | 'removalPolicy'>;

  constructor(scope: Construct, props: NomadDrainHookProps) {
    const { encryptionKey, removalPolicy = RemovalPolicy.DESTROY } = props;
    this.#scope = scope;
    this.#props = props;
    if (encryptionKey) admitServices(encryptionKey);
    // A log is of no use without its stack, and the next stack has a log group of another generated name.
    this.logGroup =
      props.logGroup ??
      new logs.LogGroup(scope, 'Log', {
        retention: props.logRetention ?? logs.RetentionDays.THREE_MONTHS,
        removalPolicy,
        ...(encryptionKey && { encryptionKey }),
      });
  }

  /** A queue of what failed, for two weeks. */
  queue(id: string): sqs.Queue {
    const { encryptionKey, removalPolicy } = this.#props;
    const queue = new sqs.Queue(this.#scope, id, {
      ...(encryptionKey
        ? { encryption: sqs.QueueEncryption.KMS, encryptionMasterKey: encryptionKey }
        : { encryption: sqs.QueueEncryption.SQS_MANAGED }),
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      ...(removalPolicy && { removalPolicy }),
    });
    const last = 'It is a dead-letter queue itself, which nothing reads but people: nothing can fail behind it.';
    acknowledge(queue, { 'AwsSolutions-SQS3': last, 'Serverless-SQSRedrivePolicy': last });
    return queue;
  }
}

/**
 * Lets the services use the key that write on behalf of others: CloudWatch Logs what the functions log, EventBridge the events that it
 * could not deliver. The policy of an imported key stays as it is.
 */
function admitServices(key: kms.IKey): void {
  const allow = (service: string, actions: string[], conditions: Record<string, object>) =>
    key.addToResourcePolicy(
      new iam.PolicyStatement({
        actions,
        principals: [new iam.ServicePrincipal(service)],
        resources: ['*'],
        conditions,
      }),
    );
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
  allow(
    `logs.${Aws.REGION}.amazonaws.com`,
    ['kms:Encrypt*', 'kms:Decrypt*', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:Describe*'],
    {
      ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:${Aws.PARTITION}:logs:${Aws.REGION}:${Aws.ACCOUNT_ID}:*` },
    },
  );
  // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
  allow('events.amazonaws.com', ['kms:Decrypt', 'kms:GenerateDataKey'], {
    StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
  });
}
