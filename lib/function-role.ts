import type * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeWildcard } from './acknowledge.ts';

/** What the function works with. */
export interface FunctionRoleProps {
  /** The groups whose instances it lets go. */
  readonly groups: readonly autoscaling.IAutoScalingGroup[];
  /** The log group it writes to. */
  readonly logGroup: logs.ILogGroup;
  /** Whether it runs inside a VPC. */
  readonly inVpc: boolean;
}

/** The role of the function: one statement per concern. No managed policy: those grant more than is needed. */
export class FunctionRole extends Construct {
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, props: FunctionRoleProps) {
    super(scope, id);
    this.role = new iam.Role(this, 'Resource', {
      description: 'What the Nomad drain hook may do',
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    });

    // The only writes: let an instance go, or ask for more time, and that only in the groups it serves.
    this.#allow(
      'AnswerLifecycleHook',
      ['autoscaling:CompleteLifecycleAction', 'autoscaling:RecordLifecycleActionHeartbeat'],
      props.groups.map((group) => group.autoScalingGroupArn),
    );
    for (const group of props.groups) {
      acknowledgeWildcard(
        this.role,
        group.autoScalingGroupArn,
        'The ARN of a group has an id in it that its name does not tell; the name is given in full.',
      );
    }
    // Who waits, since when, and for which hook. Auto Scaling knows no resource-level permission for what describes.
    this.#allow('ReadAutoScaling', [
      'autoscaling:DescribeAutoScalingGroups',
      'autoscaling:DescribeAutoScalingInstances',
      'autoscaling:DescribeLifecycleHooks',
      'autoscaling:DescribeScalingActivities',
      'autoscaling:DescribeWarmPool',
    ]);
    // Whether an instance still runs, and its addresses, by which its Nomad node is found. No resource-level permission.
    this.#allow('ReadInstances', ['ec2:DescribeInstances']);
    // Its own log group, which exists before the function does, so nothing is ever created.
    this.#allow('WriteLog', ['logs:CreateLogStream', 'logs:PutLogEvents'], [props.logGroup.logGroupArn]);
    if (props.inVpc) {
      // Lambda's service attaches the function to the subnets under this role. It demands "*"; the list is that of
      // https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
      this.#allow('AttachToVpc', [
        'ec2:AssignPrivateIpAddresses',
        'ec2:CreateNetworkInterface',
        'ec2:DeleteNetworkInterface',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSubnets',
        'ec2:UnassignPrivateIpAddresses',
      ]);
    }
    acknowledge(this.role, {
      'AwsSolutions-IAM5[Resource::*]':
        'AWS knows no narrower permission for these actions; docs/security.md lists each.',
    });
  }

  #allow(sid: string, actions: string[], resources: string[] = ['*']): void {
    // A statement with a name stays as it is written; the CDK merges the others.
    this.role.addToPolicy(new iam.PolicyStatement({ sid, actions, resources }));
  }
}
